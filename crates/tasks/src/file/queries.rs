//! The texts of a file's queries, before its inputs are looked at.

use super::{Piece, TaskFile, Work, pieces, read::failure};
use crate::{Problem, TasksError};

impl TaskFile {
    /// Checks every query by `check`, which is given its text, with some path for each placeholder, and returns what is wrong with
    /// it and what to do about that.
    ///
    /// # Errors
    /// [`TasksError::File`] with all that was returned.
    pub fn check_queries<C>(&self, check: C) -> Result<(), TasksError>
    where
        C: Fn(&str) -> Option<(String, Option<String>)>,
    {
        let problem = |(name, line, sql): (&str, usize, &str)| {
            let (message, help) = check(&with_some_path(sql))?;
            Some(Problem { line, message: format!("the query of task `{name}`: {message}"), help })
        };
        let queries = self.tasks.iter().filter_map(|task| match &task.work {
            Work::Sql(sql) => Some((task.name.as_str(), task.work_line, sql.as_str())),
            Work::Command(_) => None,
        });
        let problems: Vec<_> = queries.filter_map(problem).collect();
        if problems.is_empty() { Ok(()) } else { Err(failure(&self.path, problems)) }
    }
}

fn with_some_path(sql: &str) -> String {
    let text = |piece: Piece<'_>| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Input | Piece::OutputOf(_) => "'a path'".to_owned(),
        Piece::Output => String::new(),
    };
    pieces(sql).into_iter().map(text).collect()
}
