pub fn items() -> &'static str {
    "pub fn generated(n: u64) -> u64 { n * 3 }\n"
}

pub fn module() -> String {
    let mut text = String::new();
    for n in 0..3 {
        text += &format!("pub fn number_{n}() -> u64 {{ {n} }}\n");
    }
    text
}
