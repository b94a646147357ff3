//! How long it takes to find an extension among 10 000 in one context, and to
//! find out that there is none.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pinion_bench::{Shape, Table};

fn pattern(criterion: &mut Criterion) {
    for shape in Shape::ALL {
        let mut table = Table::new(shape);
        let mut group = criterion.benchmark_group(format!("pattern/{shape:?}"));
        group.bench_function("find", |bencher| bencher.iter(|| black_box(table.find())));
        group.bench_function("miss", |bencher| bencher.iter(|| black_box(table.miss())));
        group.finish();
    }
}

criterion_group!(benches, pattern);
criterion_main!(benches);
