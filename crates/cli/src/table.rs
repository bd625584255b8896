//! Rows as a table for people, page by page, so that a result of any length streams.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, TableComponent, Width, presets};
use tidegate_engine::{
    EngineError, RecordBatch, SchemaRef,
    sink::{self, Target, Verdict},
};

/// Rows whose widths decide the columns'. Later pages keep them.
const PAGE: usize = 1_000;

/// The most characters of a value on a terminal.
const WIDEST: usize = 80;

/// Draws tables.
pub struct TableSink {
    out: Target,
    names: Vec<String>,
    numeric: Vec<bool>,
    rows: Vec<Vec<String>>,
    widths: Option<Vec<u16>>,
    decorated: bool,
    /// Whether the rows are a plan, of which every line counts.
    plan: bool,
}

impl TableSink {
    /// Returns a sink that draws to `out`; lines around the cells and cut values only where `decorated`.
    pub fn new(out: Target, schema: &SchemaRef, decorated: bool) -> Self {
        Self {
            out,
            names: schema.fields().iter().map(|field| sink::printable(field.name())).collect(),
            numeric: sink::numeric_columns(schema),
            rows: Vec::new(),
            widths: None,
            decorated,
            plan: schema.fields().iter().map(|field| field.name().as_str()).eq(["plan_type", "plan"]),
        }
    }

    fn page(&mut self) -> Result<(), EngineError> {
        let first = self.widths.is_none();
        if self.rows.is_empty() && !first {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        if self.decorated {
            rule_under_header(&mut table);
        }
        table.set_content_arrangement(ContentArrangement::Disabled);
        if first {
            table.set_header(self.names.iter().map(Cell::new));
        }
        for row in self.rows.drain(..) {
            table.add_row(row);
        }
        for (column, numeric) in table.column_iter_mut().zip(&self.numeric) {
            if *numeric {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        match &self.widths {
            None => self.widths = Some(table.column_max_content_widths()),
            Some(widths) => {
                for (column, width) in table.column_iter_mut().zip(widths) {
                    column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width + 2)));
                }
            }
        }
        for line in table.lines() {
            self.out.put(format!("{}\n", line.trim_end()).as_bytes())?;
        }
        Ok(())
    }
}

impl sink::Sink for TableSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        let rows = if self.plan { sink::lines(batch)? } else { sink::cells(batch)? };
        for mut row in rows {
            if self.decorated && !self.plan {
                for value in &mut row {
                    cut(value);
                }
            }
            self.rows.push(row);
            if self.rows.len() >= PAGE {
                self.page()?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, verdict: Verdict) -> Result<(), EngineError> {
        self.page()?;
        self.out.close(verdict)
    }
}

/// Draws one line under the header and none elsewhere.
pub fn rule_under_header(table: &mut Table) {
    table.set_style(TableComponent::HeaderLines, '─').set_style(TableComponent::MiddleHeaderIntersections, '─');
}

fn cut(value: &mut String) {
    if let Some((at, _)) = value.char_indices().nth(WIDEST) {
        value.truncate(at);
        value.push('…');
    }
}
