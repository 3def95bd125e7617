//! The parameters of a connection string, `?name=value&...`, as apps have them in their own `DATABASE_URL`.

use crate::client::login::decode_text;

/// What stands after the `?`.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads them; each name may stand there once.
    pub(crate) fn parse(query: &str) -> Result<Self, String> {
        let mut parameters = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').ok_or("a ? with what is no name=value,")?;
            let (name, value) = (decode_text(name, "parameter")?, decode_text(value, "parameter")?);
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(format!("{name} twice,"));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// Takes `name` out.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    /// The names of those that nobody took: they are the app's own, and mean nothing to a check.
    pub(crate) fn unused(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// The step of `--verbose` that names them.
pub(crate) fn unused_step(unused: &[String]) -> String {
    format!("unused parameters of the target: {}", unused.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_by_name() {
        let mut all = Parameters::parse("sslmode=require&connect_timeout=5&x=%41").unwrap();
        assert_eq!(all.take("sslmode").as_deref(), Some("require"));
        assert_eq!(all.take("sslmode"), None);
        assert_eq!(all.take("x").as_deref(), Some("A"));
        assert_eq!(all.unused(), ["connect_timeout"]);
        for bad in ["x", "a=1&a=2", "a=%zz"] {
            assert!(Parameters::parse(bad).is_err(), "{bad}");
        }
    }
}
