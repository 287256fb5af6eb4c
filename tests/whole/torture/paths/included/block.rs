{
    fn in_an_expression() -> u64 {
        9
    }
    in_an_expression()
}
