//! The judging of rows alone, beside the evaluation that the crate `cel` brings.

use std::hint::black_box;
use std::time::Instant;

use cel::{Context, Program, Value};
use sortie_task_defs::data::{Condition, Expression};

use crate::rig;

pub(crate) const EXPRESSION: &str = "row.outcome == 'rules' && row.rules > 10 && row.ports.exists(p, p == 443) && !row.domain.endsWith('.org')";

/// The same, as a condition.
pub(crate) fn condition() -> anyhow::Result<Condition> {
    Ok(serde_json::from_str(
        r#"{"all_of": [
            {"equals": {"at": "/outcome", "value": "rules"}},
            {"greater": {"at": "/rules", "than": 10}},
            {"contains": {"at": "/ports", "value": 443}},
            {"not": {"ends_with": {"at": "/domain", "text": ".org"}}}
        ]}"#,
    )?)
}

/// Seconds for so many rows, decoding left out, and how many were kept.
pub(crate) fn measure(judge: &str, rows: u32) -> anyhow::Result<(f64, u64)> {
    let some = (0..1000).map(|n| serde_json::from_str(&rig::row(n)));
    let some: Vec<serde_json::Value> = some.collect::<Result<_, _>>()?;
    let all = || some.iter().cycle().take(rows as usize);
    let condition = condition()?;
    let expression: Expression = EXPRESSION.parse()?;
    let program = Program::compile(EXPRESSION)?;
    let started = Instant::now();
    let mut kept = 0;
    match judge {
        "condition" => {
            for row in all() {
                kept += u64::from(condition.matches(black_box(row))?);
            }
        }
        "expression" => {
            for row in all() {
                kept += u64::from(expression.matches(black_box(row))?);
            }
        }
        "cel" => {
            let root = Context::default();
            for row in all() {
                let mut context = root.new_inner_scope();
                context.add_variable("row", black_box(row))?;
                kept += u64::from(program.execute(&context)? == Value::Bool(true));
            }
        }
        other => anyhow::bail!("there is no judge `{other}`"),
    }
    Ok((started.elapsed().as_secs_f64(), kept))
}
