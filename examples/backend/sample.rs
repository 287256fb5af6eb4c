//! Sample data, the same on every run: a catalogue of Chinese products and a sales log.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;

/// How many products the catalogue has; they are numbered from 1.
pub const PRODUCTS: i64 = 2000;
const SALES: u32 = 200_000;

const PLACES: [&str; 10] = ["北京", "上海", "广州", "四川", "云南", "西湖", "新疆", "福建", "台湾", "山东"];
const KINDS: [&str; 10] =
    ["精品", "传统", "有机", "特级", "手工", "老字号", "家常", "新鲜", "小包装", "礼盒"];
const THINGS: [&str; 20] = [
    "烤鸭",
    "龙井茶",
    "豆腐",
    "火锅底料",
    "米线",
    "葡萄干",
    "乌龙茶",
    "凤梨酥",
    "煎饼",
    "月饼",
    "酱油",
    "陈醋",
    "辣椒酱",
    "红枣",
    "核桃",
    "蜂蜜",
    "腊肉",
    "粽子",
    "绿豆糕",
    "花生糖",
];

/// Where the sample data is.
#[derive(Debug)]
pub struct Files {
    /// The catalogue, protobuf text format.
    pub catalogue: PathBuf,
    /// The sales log.
    pub sales: PathBuf,
    /// The database; not made yet.
    pub database: PathBuf,
}

/// Writes the sample data into `folder`.
pub fn write(folder: &Path) -> Result<Files> {
    let files = Files {
        catalogue: folder.join("catalogue.textproto"),
        sales: folder.join("sales.tsv"),
        database: folder.join("shop.sqlite"),
    };
    let mut out = BufWriter::new(File::create(&files.catalogue)?);
    writeln!(out, "# proto-message: Catalogue")?;
    for id in 1..=PRODUCTS {
        let n = id as usize;
        let (place, kind, thing) = (PLACES[n % 10], KINDS[n / 10 % 10], THINGS[n / 100 % 20]);
        writeln!(out, "product {{\n  id: {id}\n  name: \"{place}{kind}{thing}\"")?;
        writeln!(out, "  description: \"{kind}的{thing}, \\\"{place}\\\" 出产,\\n\" \"第 {id} 号\"")?;
        writeln!(out, "  price_cents: {}\n  tag: \"{place}\"\n  tag: \"{thing}\"", 500 + id * 37 % 9500)?;
        writeln!(
            out,
            "  supplier {{ name: \"{place}食品公司\" since: {} active: true }}\n}}",
            1950 + n % 70
        )?;
    }
    out.flush()?;
    let mut out = BufWriter::new(File::create(&files.sales)?);
    let mut random = Random(7);
    for _ in 0..SALES {
        let (day, product) = (random.below(365), 1 + random.below(PRODUCTS as u64));
        writeln!(out, "{day}\t{product}\t{}", 500 + random.below(9500))?;
    }
    out.flush()?;
    Ok(files)
}

/// Numbers that are the same on every run.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
