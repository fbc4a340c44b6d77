# What is allowed, but hardly meant.

policy "empty" { # WARNING: Policy never admits; empty has no allow rule that can be true, and without one nobody is admitted. Write allow "anyone" { when = true } for those whom nothing denies.
}

policy "only-denies" { # WARNING: Policy never admits; only-denies has no allow rule that can be true, and without one nobody is admitted. Write allow "anyone" { when = true } for those whom nothing denies.
  deny "all" { when = !authenticated }
}

policy "constant" {
  allow "anyone" { when = true }
  allow "anyone in other words" { when = (true) } # WARNING: Rule is always true; Every request makes this true. Mend the condition; if everyone is meant, write when = true.
  allow "always" { when = 1 == 1 } # WARNING: Rule is always true; Every request makes this true. Mend the condition; if everyone is meant, write when = true.
  allow "always, whatever else" { when = authenticated || true } # WARNING: Rule is always true; Every request makes this true. Mend the condition; if everyone is meant, write when = true.
  allow "never" { when = false } # WARNING: Rule is never true; No request makes this true, so the rule does nothing. Mend the condition, or leave the rule out.
  allow "never, whatever else" { when = user.email == "a@example.com" && 1 > 2 } # WARNING: Rule is never true; No request makes this true, so the rule does nothing. Mend the condition, or leave the rule out.
  deny "never denies" { when = false } # WARNING: Rule is never true; No request makes this true, so the rule does nothing. Mend the condition, or leave the rule out.
}

policy "closed" {
  allow "anyone" { when = true }
  deny "all" { when = true } # WARNING: Rule is always true; Every request makes this true, so the policy admits nobody. Mend the condition, or leave the rule out.
}

policy "dead" { # WARNING: Policy never admits; dead has no allow rule that can be true, and without one nobody is admitted. Write allow "anyone" { when = true } for those whom nothing denies.
  allow "nobody" { when = false } # WARNING: Rule is never true; No request makes this true, so the rule does nothing. Mend the condition, or leave the rule out.
}

policy "hopeless" {
  include = [policy.empty, policy.closed, policy.constant] # WARNING: Policy never admits; empty admits nobody, so neither does hopeless, which includes it. # WARNING: Policy never admits; closed admits nobody, so neither does hopeless, which includes it.
  allow "anyone" { when = true }
}

policy "hopeless-too" {
  include = [policy.hopeless] # WARNING: Policy never admits; hopeless admits nobody, so neither does hopeless-too, which includes it.
  allow "anyone" { when = true }
}

policy "impossible" {
  allow "method" { when = request.method == "get" } # WARNING: Never equal; request.method is never "get": it is in upper case: GET.
  allow "domain" { when = user.email_domain != "Example.com" } # WARNING: Never equal; user.email_domain is never "Example.com": it is in lower case: example.com.
  allow "host" { when = "Wiki.example.com" == request.host } # WARNING: Never equal; request.host is never "Wiki.example.com": it is in lower case: wiki.example.com.
  allow "path" { when = request.path == "docs" } # WARNING: Never equal; request.path is never "docs": it begins with a slash.
  allow "scheme" { when = request.scheme == "ftp" } # WARNING: Never equal; request.scheme is never "ftp": it is http or https.
  allow "fingerprint" { when = certificate.fingerprint == "9F:86:D0:81" } # WARNING: Never equal; certificate.fingerprint is never "9F:86:D0:81": it is 64 lower-case hexadecimal digits.
  allow "possible fingerprint" { when = certificate.fingerprint == "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" }
  allow "possible" { when = request.method == "GET" && request.path == "/docs" && request.scheme == "https" }
  allow "possible too" { when = user.email_domain == "example.com" && request.host == user.name }
}
