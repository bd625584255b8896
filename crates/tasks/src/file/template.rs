//! Templates of output paths, which never lead out of the output folder.

use crate::names::{nearest, quoted};
use std::path::{Component, Path, PathBuf};

const NAMES: [&str; 5] = ["task", "stem", "name", "ext", "date"];

/// Names that begin so are the loop's own.
pub(crate) const HIDDEN: &str = ".tidegate";

/// A path below the output folder, with `{task}`, `{stem}`, `{name}`, `{ext}` and `{date}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

/// What the placeholders of a template stand for; `None` where a unit has no such thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The name of the task.
    pub task: String,
    /// The file's name without its last extension.
    pub stem: Option<String>,
    /// The file's name.
    pub name: Option<String>,
    /// The file's last extension, without the dot; empty if it has none.
    pub ext: Option<String>,
    /// The day on which the input changed last, in UTC, as 2026-11-26.
    pub date: Option<String>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong and what to do about it.
    pub(crate) fn parse(text: &str) -> Result<Self, (String, String)> {
        check_path(text)?;
        let mut rest = text;
        while let Some((_, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                return Err((format!("`{text}` has a `{{` without its `}}`"), "close it".into()));
            };
            if !NAMES.contains(&name) {
                let help = match nearest(name, NAMES) {
                    Some(near) => format!("did you mean `{{{near}}}`?"),
                    None => format!(
                        "a template has {}",
                        quoted(NAMES.map(|name| format!("{{{name}}}")).iter().map(String::as_str))
                    ),
                };
                return Err((format!("`{text}` has an unknown placeholder `{{{name}}}`"), help));
            }
            rest = after;
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the template as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first placeholder that only a single input file can fill.
    pub(crate) fn needs_file(&self) -> Option<&'static str> {
        ["stem", "name", "ext"].into_iter().find(|name| self.has(name))
    }

    /// Returns whether it has this placeholder.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains(&format!("{{{name}}}"))
    }

    /// Returns the path below the output folder.
    ///
    /// # Errors
    /// What is wrong and what to do about it: with some names a path would lead out of the output folder.
    pub fn fill(&self, names: &Names) -> Result<PathBuf, (String, String)> {
        let mut path = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            path.push_str(before);
            let Some((name, after)) = after.split_once('}') else { break };
            let value = match name {
                "task" => Some(&names.task),
                "stem" => names.stem.as_ref(),
                "name" => names.name.as_ref(),
                "ext" => names.ext.as_ref(),
                _ => names.date.as_ref(),
            };
            path.push_str(value.map(String::as_str).unwrap_or_default());
            rest = after;
        }
        path.push_str(rest);
        check_path(&path)?;
        Ok(PathBuf::from(path))
    }
}

/// Expects a path of plain names.
fn check_path(text: &str) -> Result<(), (String, String)> {
    let inside = || "write a path below the `output` folder, such as `{task}/{stem}.parquet`".to_owned();
    if text.is_empty() || text.ends_with('/') || text.contains('\0') {
        return Err((format!("output `{}` has no file name", text.escape_debug()), inside()));
    }
    for component in Path::new(text).components() {
        match component {
            Component::Normal(name) if name.as_encoded_bytes().starts_with(HIDDEN.as_bytes()) => {
                return Err((
                    format!("output `{text}` has a name that begins with `{HIDDEN}`"),
                    "choose another name".into(),
                ));
            }
            Component::Normal(_) | Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err((format!("output `{text}` leads out of the output folder"), inside()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let text = |text: &str| Some(text.to_owned());
        Names {
            task: "errors".into(),
            stem: text("access.log"),
            name: text("access.log.gz"),
            ext: text("gz"),
            date: text("2026-11-26"),
        }
    }

    #[test]
    fn placeholders_are_filled() {
        let check = |template: &str, path: &str| {
            assert_eq!(Template::parse(template).unwrap().fill(&names()), Ok(PathBuf::from(path)));
        };
        check("{task}/{stem}.parquet", "errors/access.log.parquet");
        check("all.csv", "all.csv");
        check("{date}-{name}.{ext}", "2026-11-26-access.log.gz.gz");
    }

    #[test]
    fn nothing_leads_out_of_the_output_folder() {
        for bad in
            ["", "/etc/passwd", "../a", "a/../../b", "a/", "..", ".tidegate/state.db", "a\0b", "{stem", "{sten}.csv"]
        {
            assert!(Template::parse(bad).is_err(), "{bad:?}");
        }
        let odd = Names { stem: Some("..".into()), ..names() };
        assert!(Template::parse("{stem}/a").unwrap().fill(&odd).is_err());
        assert!(Template::parse("{stem}").unwrap().fill(&Names::default()).is_err());
        // A name of an input that looks like a placeholder stays as it is.
        let braces = Names { stem: Some("{task}".into()), ..names() };
        assert_eq!(Template::parse("{stem}.csv").unwrap().fill(&braces), Ok(PathBuf::from("{task}.csv")));
    }
}
