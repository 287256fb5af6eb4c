//! Pictures decoded, worked on and drawn.
//@ image = { version = "0.25", default-features = false, features = ["png", "jpeg", "gif", "webp", "tiff", "bmp", "rayon"] }
//@ resvg = "0.45"
//@ imageproc = { version = "0.25", default-features = false }
//@ fontdb = "0.23"
//@ lyon_path = "1"
//@ lyon_tessellation = "1"
//@ rayon = "1"
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, RgbaImage};
use rayon::prelude::*;
use std::hint::black_box;
use std::io::Cursor;

fn main() {
    let picture = RgbImage::from_fn(900, 700, |x, y| Rgb([(x % 256) as u8, (y % 256) as u8, ((x * y) % 256) as u8]));
    let formats = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp];
    let files: Vec<Vec<u8>> = formats
        .iter()
        .map(|format| {
            let mut out = Cursor::new(Vec::new());
            DynamicImage::ImageRgb8(picture.clone()).write_to(&mut out, *format).unwrap();
            out.into_inner()
        })
        .collect();
    let decoded: Vec<DynamicImage> =
        files.par_iter().zip(formats).map(|(file, format)| image::load_from_memory_with_format(file, format).unwrap()).collect();
    let small: Vec<RgbaImage> = decoded.par_iter().map(|it| it.resize(300, 300, image::imageops::FilterType::Lanczos3).to_rgba8()).collect();
    let blurred: Vec<DynamicImage> = small.par_iter().map(|it| DynamicImage::ImageRgba8(it.clone()).blur(2.0)).collect();
    let grey: Vec<_> = decoded.par_iter().map(DynamicImage::to_luma32f).collect();
    let edges: Vec<_> = decoded.iter().map(|it| imageproc::edges::canny(&it.to_luma8(), 20.0, 60.0)).collect();
    let integral: Vec<_> = decoded.iter().map(|it| imageproc::integral_image::integral_image::<_, u32>(&it.to_luma8())).collect();

    let shapes: String = (0..2000)
        .map(|it| format!("<g id='g{it}' opacity='0.9'><path d='M {it} 0 C 10 {it} 20 5 {} 40 L 3 4 z' fill='#1{}0'/></g>", it % 90, it % 10))
        .collect();
    let svg = format!("<svg xmlns='http://www.w3.org/2000/svg' width='400' height='400'><defs><linearGradient id='a'><stop offset='0' stop-color='red'/></linearGradient></defs>{shapes}</svg>");
    let tree = resvg::usvg::Tree::from_str(&svg, &resvg::usvg::Options::default()).unwrap();
    let mut map = resvg::tiny_skia::Pixmap::new(400, 400).unwrap();
    resvg::render(&tree, resvg::tiny_skia::Transform::identity(), &mut map.as_mut());
    let mut fonts = fontdb::Database::new();
    fonts.load_system_fonts();

    let mut path = lyon_path::Path::builder();
    path.begin(lyon_path::math::point(0.0, 0.0));
    (0..20_000).for_each(|it| drop(path.line_to(lyon_path::math::point((it * 37 % 500) as f32, (it * 91 % 500) as f32))));
    path.close();
    let path = path.build();
    let mut buffers: lyon_tessellation::VertexBuffers<[f32; 2], u32> = lyon_tessellation::VertexBuffers::new();
    let _ = lyon_tessellation::StrokeTessellator::new().tessellate_path(
        &path,
        &lyon_tessellation::StrokeOptions::default(),
        &mut lyon_tessellation::BuffersBuilder::new(&mut buffers, |it: lyon_tessellation::StrokeVertex<'_, '_>| it.position().to_array()),
    );
    black_box((&files, &decoded, &small, &blurred, &grey, &edges, &integral, &tree, &map, &fonts, &path, &buffers));
    println!("{} files, {} vertices", files.len(), buffers.vertices.len());
}

