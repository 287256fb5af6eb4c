/// Zeichen, nicht Bytes.
pub fn länge(wörter: &str) -> u64 { let zß = "ﬁ→"; tally::count!("länge"); let _ = zß;
    let mut größe = 0;
    for _ in wörter.chars() {
        größe += eins();
    }
    größe
}

fn eins() -> u64 { /* ünï */ tally::count!("eins"); 1 }
