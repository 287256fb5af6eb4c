//! `flamegraph` and `html`.

use profile_cost_runtime::{FlamegraphOptions, Format};

use super::merged;
use crate::args::{Flamegraph, Html};
use crate::failure::Failure;
use crate::{input, output};

pub(crate) fn flamegraph(asked: &Flamegraph) -> Result<(), Failure> {
    let format = output::format(asked.output.as_ref(), Format::Flamegraph)?;
    let metric = asked.metric.into();
    let options = FlamegraphOptions {
        title: asked.title.clone(),
        min_percent: asked.min_percent,
        ..FlamegraphOptions::new(metric)
    };
    if !matches!(format, Format::Flamegraph | Format::Folded) {
        return Err(Failure::new("a flamegraph is .svg or .folded; use `convert` for other formats"));
    }
    let profile = merged(&input::files(&asked.files)?)?;
    output::to(asked.output.as_deref(), |out| match format {
        Format::Folded => profile.write_folded(out, metric),
        _ => profile.write_flamegraph(out, &options),
    })
}

pub(crate) fn html(asked: &Html) -> Result<(), Failure> {
    let profile = merged(&input::files(&asked.files)?)?;
    output::to(asked.output.as_deref(), |out| profile.write_html(out))
}
