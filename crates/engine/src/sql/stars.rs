//! `*` over tables that have virtual columns: those that the query names elsewhere are columns of its tables then, and `*`
//! goes without them all the same.

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Ident, JoinConstraint, JoinOperator, ObjectName, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TableFactor, TableWithJoins, WildcardAdditionalOptions,
};
use std::mem;
use tidegate_formats::VirtualColumn;

/// A table of FROM.
struct Relation {
    /// The name that goes before its columns.
    qualifier: Option<Ident>,
    /// Whether it is a log, and has virtual columns.
    is_log: bool,
}

/// Takes the columns in `hidden` out of every `*` of `select`; `is_log` tells which relations have them.
pub(super) fn narrow(select: &mut Select, hidden: &[VirtualColumn], is_log: &dyn Fn(&TableFactor) -> bool) {
    if hidden.is_empty() {
        return;
    }
    let relations: Vec<Relation> =
        select.from.iter().flat_map(factors).map(|factor| relation(factor, is_log)).collect();
    if !relations.iter().any(|relation| relation.is_log) {
        return;
    }
    let joins_keep_columns =
        select.from.iter().all(|from| from.joins.iter().all(|join| keeps_columns(&join.join_operator)));
    let items = mem::take(&mut select.projection);
    for mut item in items {
        match &mut item {
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options)
                if relations.iter().any(|relation| relation.is_log && relation.is_called(name)) =>
            {
                exclude(options, hidden);
            }
            SelectItem::Wildcard(options) if relations.len() == 1 => exclude(options, hidden),
            SelectItem::Wildcard(options) if joins_keep_columns && is_plain(options) => {
                // By its name alone, `_line` could be that of each table.
                if let Some(stars) = stars(&relations, options, hidden) {
                    select.projection.extend(stars);
                    continue;
                }
            }
            SelectItem::Wildcard(options) if relations.iter().all(|relation| relation.is_log) => {
                exclude(options, hidden);
            }
            _ => {}
        }
        select.projection.push(item);
    }
}

fn factors(from: &TableWithJoins) -> impl Iterator<Item = &TableFactor> {
    std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
}

fn relation(factor: &TableFactor, is_log: &dyn Fn(&TableFactor) -> bool) -> Relation {
    let qualifier = match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. } => Some(alias.name.clone()),
        TableFactor::Table { name, args: None, .. } => name.0.last().and_then(|part| part.as_ident()).cloned(),
        _ => None,
    };
    Relation { qualifier, is_log: is_log(factor) }
}

impl Relation {
    fn is_called(&self, name: &ObjectName) -> bool {
        let named = match name.0.as_slice() {
            [part] => part.as_ident(),
            _ => None,
        };
        match (&self.qualifier, named) {
            (Some(qualifier), Some(named)) => qualifier.value.eq_ignore_ascii_case(&named.value),
            _ => false,
        }
    }
}

/// Whether `*` over the join is all columns of both sides.
fn keeps_columns(join: &JoinOperator) -> bool {
    match join {
        JoinOperator::Join(on)
        | JoinOperator::Inner(on)
        | JoinOperator::Left(on)
        | JoinOperator::LeftOuter(on)
        | JoinOperator::Right(on)
        | JoinOperator::RightOuter(on)
        | JoinOperator::FullOuter(on)
        | JoinOperator::CrossJoin(on) => matches!(on, JoinConstraint::On(_) | JoinConstraint::None),
        _ => false,
    }
}

fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    let WildcardAdditionalOptions { opt_ilike, opt_exclude, opt_except, opt_replace, opt_rename, opt_alias, .. } =
        options;
    opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none()
}

/// Returns one `t.*` for each table, or nothing if one of them has no name.
fn stars(
    relations: &[Relation],
    options: &WildcardAdditionalOptions,
    hidden: &[VirtualColumn],
) -> Option<Vec<SelectItem>> {
    let star = |relation: &Relation| {
        let mut options = options.clone();
        if relation.is_log {
            exclude(&mut options, hidden);
        }
        let name = ObjectName::from(relation.qualifier.clone()?);
        Some(SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options))
    };
    relations.iter().map(star).collect()
}

/// Adds columns to those that `*` leaves out.
fn exclude(options: &mut WildcardAdditionalOptions, hidden: &[VirtualColumn]) {
    let mut names = match options.opt_exclude.take() {
        Some(ExcludeSelectItem::Single(name)) => vec![name],
        Some(ExcludeSelectItem::Multiple(names)) => names,
        None => Vec::new(),
    };
    let mut left_out: Vec<String> = names.iter().map(|name| name.to_string().to_lowercase()).collect();
    if let Some(except) = &options.opt_except {
        left_out.extend(
            std::iter::once(&except.first_element)
                .chain(&except.additional_elements)
                .map(|name| name.value.to_lowercase()),
        );
    }
    let is_new = |column: &&VirtualColumn| !left_out.iter().any(|name| name.trim_matches('"') == column.name());
    names.extend(hidden.iter().filter(is_new).map(|column| ObjectName::from(Ident::new(column.name()))));
    options.opt_exclude = (!names.is_empty()).then_some(ExcludeSelectItem::Multiple(names));
}

#[cfg(test)]
mod tests {
    use crate::sql::{parse, take_paths};
    use tidegate_formats::VirtualColumn;

    #[test]
    fn stars_go_without_virtual_columns() {
        let check = |sql: &str, expected: &str| {
            let mut statement = parse(sql).unwrap().statement;
            take_paths(&mut statement, &[VirtualColumn::Line], &[]).unwrap();
            assert_eq!(statement.to_string(), expected);
        };
        check("SELECT *, _line FROM 'a.log'", "SELECT * EXCLUDE (_line), _line FROM \"a.log\"");
        check("SELECT * FROM (SELECT _line FROM 'a.log') t", "SELECT * FROM (SELECT _line FROM \"a.log\") t");
        check("SELECT t.*, _line FROM 'a' t", "SELECT t.* EXCLUDE (_line), _line FROM \"a\" t");
        check("SELECT * EXCLUDE (b), _line FROM 'a'", "SELECT * EXCLUDE (b, _line), _line FROM \"a\"");
        check("SELECT * EXCLUDE _line, _line FROM 'a'", "SELECT * EXCLUDE (_line), _line FROM \"a\"");
        check(
            "SELECT * FROM 'f' a JOIN 'f' b ON a._line = b._line",
            "SELECT a.* EXCLUDE (_line), b.* EXCLUDE (_line) FROM \"f\" a JOIN \"f\" b ON a._line = b._line",
        );
        check(
            "SELECT * FROM 'f', (SELECT 1 AS _line) AS t",
            "SELECT \"f\".* EXCLUDE (_line), t.* FROM \"f\", (SELECT 1 AS _line) AS t",
        );
    }
}
