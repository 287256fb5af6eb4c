//! Interpreters, their programs and the objects of these.
//@ boa_engine = "0.21"
//@ rhai = "1"
//@ wasmi = "0.51"
//@ wat = "1"
use std::hint::black_box;

fn main() {
    let script = r#"
        const people = [];
        for (let i = 0; i < 3000; i++) {
            people.push({ name: "user " + i, tags: ["a" + i, "b"], place: { x: i / 2, y: null } });
        }
        const byName = new Map(people.map(it => [it.name, it]));
        const text = JSON.stringify(people);
        byName.size + text.length
    "#;
    let mut context = boa_engine::Context::default();
    let answer = context.eval(boa_engine::Source::from_bytes(script)).unwrap();

    let engine = rhai::Engine::new();
    let mut scope = rhai::Scope::new();
    let source = r#"
        let people = [];
        for i in 0..3000 {
            people.push(#{ name: "user " + i, tags: ["a" + i, "b"], place: #{ x: i / 2, y: () } });
        }
        people.len()
    "#;
    let program = engine.compile(source).unwrap();
    let count: i64 = engine.eval_ast_with_scope(&mut scope, &program).unwrap();

    let functions: String =
        (0..500).map(|it| format!("(func (export \"f{it}\") (param i64) (result i64) (i64.add (local.get 0) (i64.const {it})))")).collect();
    let bytes = wat::parse_str(format!("(module (memory 20) {functions})")).unwrap();
    let engine = wasmi::Engine::default();
    let module = wasmi::Module::new(&engine, &bytes).unwrap();
    let mut store = wasmi::Store::new(&engine, ());
    let instance = wasmi::Linker::new(&engine).instantiate_and_start(&mut store, &module).unwrap();
    let add = instance.get_typed_func::<i64, i64>(&store, "f7").unwrap();
    let sum = add.call(&mut store, 5).unwrap();
    black_box((&context, &scope, &program, &module, &store, &instance));
    println!("{} {count} {sum}", answer.display());
}
