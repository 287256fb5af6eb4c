[1, 2, 3].iter().map(|n| n * 2).sum::<u64>()
