//! A browser that keeps cookies, follows redirects and sends forms.

use reqwest::header::{ACCEPT, COOKIE, LOCATION};
use reqwest::{Method, Url};

use super::cookies::Cookies;
use super::{Answer, Form, HttpError, Site, html};

/// More redirects than this lead nowhere.
const REDIRECTS: usize = 15;
/// What a browser says that it wants.
const PAGES: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// A person's browser. It believes to speak to the public URL; its requests go to one node.
#[derive(Debug, Clone)]
pub struct Browser {
    site: Site,
    cookies: Cookies,
}

/// What the browser shows.
#[derive(Debug, Clone)]
pub struct Page {
    /// The address of the page as the browser sees it.
    pub url: Url,
    /// The last answer of the cluster.
    pub answer: Answer,
    /// Where it was sent outside the cluster: the application, which nobody asks here.
    pub left_for: Option<Url>,
}

impl Browser {
    /// A fresh one.
    #[must_use]
    pub fn new(site: &Site) -> Self {
        Self { site: site.clone(), cookies: Cookies::default() }
    }

    /// Sends what follows to another node, as a load balancer does that changes its mind.
    pub fn move_to(&mut self, site: &Site) {
        self.site = site.clone();
    }

    /// Goes to an address of the cluster and follows where it is sent.
    ///
    /// # Errors
    /// No answer, or too many redirects.
    pub async fn open(&mut self, url: &str) -> Result<Page, HttpError> {
        self.go(Method::GET, parsed(url)?, &[]).await
    }

    /// Sends a form with `fields` filled in.
    ///
    /// # Errors
    /// No answer, or too many redirects.
    pub async fn submit(&mut self, page: &Page, form: &Form, fields: &[(&str, &str)]) -> Result<Page, HttpError> {
        let mut sent: Vec<(String, String)> =
            form.fields.iter().filter(|(name, _)| fields.iter().all(|(filled, _)| filled != name)).cloned().collect();
        sent.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let action = page.url.join(&form.action).map_err(|_| HttpError::Url(form.action.clone()))?;
        self.go(Method::POST, action, &sent).await
    }

    async fn go(&mut self, method: Method, url: Url, form: &[(String, String)]) -> Result<Page, HttpError> {
        let (mut method, mut url) = (method, url);
        for _ in 0..REDIRECTS {
            let here = self.site.here(&url);
            let mut request = self.site.client().request(method.clone(), here).header(ACCEPT, PAGES);
            if let Some(cookies) = self.cookies.for_path(url.path()) {
                request = request.header(COOKIE, cookies);
            }
            if method == Method::POST {
                request = request.form(form);
            }
            let answer = self.site.send(request).await?;
            self.cookies.take_from(&answer.headers);
            let next = match answer.header(LOCATION.as_str()) {
                Some(location) if (300..400).contains(&answer.status) => {
                    url.join(location).map_err(|_| HttpError::Url(location.to_owned()))?
                }
                _ => return Ok(Page { url, answer, left_for: None }),
            };
            if !self.site.is_here(&next) {
                return Ok(Page { url, answer, left_for: Some(next) });
            }
            (method, url) = (Method::GET, next);
        }
        Err(HttpError::Redirects { limit: REDIRECTS, last: url.to_string() })
    }
}

impl Page {
    /// The form that asks for `field`.
    ///
    /// # Errors
    /// The page has none.
    pub fn form_asking(&self, field: &str) -> Result<Form, HttpError> {
        let asks = |form: &Form| form.fields.iter().any(|(name, _)| name == field);
        html::forms(&self.answer.text)
            .into_iter()
            .find(asks)
            .ok_or_else(|| self.lacks(&format!("form that asks for \"{field}\"")))
    }

    /// The forms of the page.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        html::forms(&self.answer.text)
    }

    /// A parameter of the address to which the application was called back.
    ///
    /// # Errors
    /// It was not called, or not with that.
    pub fn handed_over(&self, parameter: &str) -> Result<String, HttpError> {
        let find = |url: &Url| url.query_pairs().find(|(key, _)| key == parameter).map(|(_, value)| value.into_owned());
        self.left_for
            .as_ref()
            .and_then(find)
            .ok_or_else(|| self.lacks(&format!("redirect that hands over \"{parameter}\"")))
    }

    /// The text after `name :` in a script of the page, `"` around it: how Keycloak hands values to its scripts.
    ///
    /// # Errors
    /// There is none.
    pub fn script_value(&self, name: &str) -> Result<String, HttpError> {
        let text = &self.answer.text;
        let value = |start: usize| {
            let rest = text[start + name.len()..].trim_start().strip_prefix(':')?.trim_start();
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            rest[1..].split_once(quote).map(|(value, _)| value.to_owned())
        };
        text.match_indices(name)
            .find_map(|(at, _)| value(at))
            .ok_or_else(|| self.lacks(&format!("script with \"{name}\"")))
    }

    fn lacks(&self, what: &str) -> HttpError {
        // The head of Keycloak's pages is long and always the same.
        let body = self.answer.text.find("<body").map_or(self.answer.text.as_str(), |at| &self.answer.text[at..]);
        HttpError::Page {
            url: self.left_for.as_ref().unwrap_or(&self.url).to_string(),
            status: self.answer.status,
            what: what.to_owned(),
            shown: body.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(600).collect(),
        }
    }
}

fn parsed(url: &str) -> Result<Url, HttpError> {
    Url::parse(url).map_err(|_| HttpError::Url(url.to_owned()))
}
