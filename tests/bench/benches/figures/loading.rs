//! Loading a module: compiled, from the compile cache, and what it costs to have one.

use std::hint::black_box;
use std::time::Duration;

use anyhow::ensure;
use oarlock_wasm::{EngineOptions, Loader};

use crate::sample::Sample;
use crate::table::Table;
use crate::{Effort, modules, usage};

pub(crate) fn measure(effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(all(effort, table))
}

async fn all(effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let component = modules::component("modules/canary")?;
    let loader = loader(folder.path())?;
    let cpu = usage::process_time();
    let compiled = loader.load(component.clone()).await?;
    let cpu = usage::process_time().saturating_sub(cpu);
    ensure!(!compiled.inspection().cached, "the cache was not empty");
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    table.note(
        "canary compiled and loaded",
        format!(
            "{:.0} ms, {:.0} ms CPU; {} kB of code",
            millis(compiled.inspection().load_time),
            millis(cpu),
            compiled.inspection().compiled_size / 1000
        ),
    );
    let mut times = Vec::new();
    for _ in 0..effort.modules {
        let loaded = loader.load(component.clone()).await?;
        ensure!(loaded.inspection().cached, "the cache was not used");
        times.push(loaded.inspection().load_time);
    }
    table.note(
        "canary loaded from the compile cache",
        Sample::of(times).to_string(),
    );
    Ok(())
}

fn loader(cache: &std::path::Path) -> anyhow::Result<Loader> {
    Ok(Loader::new(EngineOptions {
        cache: Some(cache.to_owned()),
        ..EngineOptions::default()
    })?)
}

/// Memory per module that is loaded from the compile cache, has told what it is, and is idle.
pub(crate) async fn per_module(
    count: usize,
    memory: fn() -> anyhow::Result<u64>,
) -> anyhow::Result<u64> {
    let folder = tempfile::tempdir()?;
    let component = modules::component("modules/canary")?;
    let variant =
        |number: usize| anyhow::Ok(modules::variant(component.clone(), u8::try_from(number)?));
    let compiler = loader(folder.path())?;
    for number in 0..=count {
        compiler.load(variant(number)?).await?;
    }
    drop(compiler);
    let loader = loader(folder.path())?;
    let first = loader.load(variant(0)?).await?;
    let before = memory()?;
    let mut kept = Vec::with_capacity(count);
    for number in 1..=count {
        let loaded = loader.load(variant(number)?).await?;
        ensure!(loaded.inspection().cached, "the cache was not used");
        kept.push(loaded);
    }
    let after = memory()?;
    black_box((first, kept));
    Ok(after.saturating_sub(before) / count as u64)
}
