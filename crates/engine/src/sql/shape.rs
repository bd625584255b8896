//! What queries have in common that differ in their constants only.

use datafusion::sql::sqlparser::{
    dialect::GenericDialect,
    tokenizer::{Token, Tokenizer},
};

/// Returns the query with all of its constants, paths among them, replaced by `?`: runs of the same shape can learn from each
/// other. A text that is no SQL is its own shape.
pub fn shape(sql: &str) -> String {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else { return sql.trim().to_owned() };
    let mut shape = String::new();
    for token in tokens {
        let text = match token {
            Token::Whitespace(_) | Token::EOF | Token::SemiColon => continue,
            Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::HexStringLiteral(_) => "?".to_owned(),
            Token::Word(word) if word.quote_style.is_none() => word.value.to_lowercase(),
            other => other.to_string(),
        };
        if !shape.is_empty() {
            shape.push(' ');
        }
        shape.push_str(&text);
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[test]
    fn constants_do_not_count() {
        let first = shape("SELECT path, count(*) FROM 'a.log' WHERE status = 500 GROUP BY path;");
        assert_eq!(first, "select path , count ( * ) from ? where status = ? group by path");
        assert_eq!(first, shape("select  path,count(*)\nfrom 'b/*.log' -- all\nwhere status=404 group by path"));
        assert_ne!(first, shape("SELECT path, count(*) FROM 'a.log' WHERE bytes = 500 GROUP BY path"));
        assert_ne!(shape("SELECT \"A\" FROM 't'"), shape("SELECT a FROM 't'"));
        assert_eq!(shape(" SELECT 'open "), "SELECT 'open");
    }
}
