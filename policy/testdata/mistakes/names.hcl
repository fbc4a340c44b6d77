# Names that nobody knows.

policy "names" {
  allow "part" { when = user.emial == "a@example.com" } # ERROR: Unknown name; There is no user.emial. Did you mean user.email? A claim is user.claims["emial"].
  allow "far part" { when = user.department == "sales" } # ERROR: Unknown name; There is no user.department. Known are user.claims, user.email, user.email_domain, user.email_verified, user.groups, user.id, user.identity and user.name. A claim is user.claims["department"].
  allow "far part of request" { when = request.certificate == "x" } # ERROR: Unknown name; There is no request.certificate. Known are request.cors_preflight, request.headers, request.host, request.ip, request.method, request.path, request.query, request.scheme, request.user_agent and request.websocket.
  allow "root" { when = usr.email == "a@example.com" } # ERROR: Unknown name; There is no usr. Did you mean user?
  allow "no root" { when = email == "a@example.com" } # ERROR: Unknown name; There is no email. Did you mean user.email?
  allow "far root" { when = certificate.valid }
  allow "part of a certificate" { when = certificate.sans == "x" } # ERROR: Unknown name; There is no certificate.sans. Did you mean certificate.san_dns?
  allow "service" { when = service.nam == "x" } # ERROR: Unknown name; There is no service.nam. Did you mean service.name?
  allow "data" { when = has(data.onkall, user.email) } # ERROR: Unknown name; There is no data block onkall. Did you mean oncall?
  allow "far data" { when = present(data.people) } # ERROR: Unknown name; There is no data block people. Known are oncall and roster.
  allow "data alone" { when = has(data, "x") } # ERROR: Unknown name; data by itself is no value. Take a block of it, by its name. Known are oncall and roster.
  allow "data by number" { when = has(data[0], "x") } # ERROR: Unknown name; data by itself is no value. Take a block of it, by its name. Known are oncall and roster.
  allow "header of a request" { when = present(request.headers[user.name]) } # ERROR: Not a constant; The name of a header field cannot depend on a request. Write request.headers["Accept"].
  allow "bare word" { when = user.name == Alice } # ERROR: Unknown name; There is no Alice. A condition is about authenticated, now, user, session, request, certificate, workload, service and data; a text stands in quotes.
  allow "case" { when = User.Email == "a@example.com" } # ERROR: Unknown name; There is no User. Did you mean user?
  allow "root alone" { when = user == "a@example.com" } # ERROR: Unknown name; user by itself is no value. Take a part of it: user.claims, user.email, user.email_domain, user.email_verified, user.groups, user.id, user.identity and user.name.
  allow "root and number" { when = user[0] == "a@example.com" } # ERROR: Unknown name; user by itself is no value. Take a part of it: user.claims, user.email, user.email_domain, user.email_verified, user.groups, user.id, user.identity and user.name.
  allow "variable" { when = has([for group in user.groups : grup], "x") } # ERROR: Unknown name; There is no grup. Did you mean group?
  allow "index" { when = has([for place, group in user.groups : plac], "x") } # ERROR: Unknown name; There is no plac. Did you mean place?
  allow "after its loop" { when = has([for group in user.groups : group], group) } # ERROR: Unknown name; There is no group. A condition is about authenticated, now, user, session, request, certificate, workload, service and data; a text stands in quotes.
  allow "function" { when = in_groups("sre") } # ERROR: Unknown function; There is no function in_groups. Did you mean in_group?
  allow "function in Go's way" { when = startsWith(request.path, "/") } # ERROR: Unknown function; There is no function startsWith. Did you mean startswith?
  allow "far function" { when = regexall("x", user.emial) } # ERROR: Unknown function; There is no function regexall. Known are claim, coalesce, contains, date, duration, email_domain, endswith, glob, has, has_all, has_any, in_cidr, in_group, join, length, lower, matches, present, split, startswith, time_of_day, upper, weekday, env, handle, jsondecode, jsonencode and nothing. # ERROR: Unknown name; There is no user.emial. Did you mean user.email? A claim is user.claims["emial"].
  allow "both sides" { when = user.emial == user.nam } # ERROR: Unknown name; There is no user.emial. Did you mean user.email? A claim is user.claims["emial"]. # ERROR: Unknown name; There is no user.nam. Did you mean user.name? A claim is user.claims["nam"].
  allow "function of the configuration" { when = enw("OFFICE") == "x" } # ERROR: Unknown function; There is no function enw. Did you mean env?
  allow "below a text" { when = user.email.domain == "example.com" } # ERROR: Wrong type; Only claims, lists, headers and queries have parts, but this is a text.
  allow "hidden" { when = has([for user in user.groups : user], "x") } # ERROR: Bad name; A variable named user hides the attribute. Take another name.
  allow "deep" {
    when = length([for a in user.groups : join("", [for b in user.groups : join("", [for c in user.groups : join("", [
      for d in user.groups : join("", [for e in user.groups : join("", [for f in user.groups : join("", [
        for g in user.groups : join("", [for h in user.groups : join("", [for i in user.groups : i # ERROR: Too many loops; At most 8 for expressions may stand in one another.
    ])])])])])])])])]) > 0
  }
}

policy "token" {
  allow "a" { when = session.access_token == "x" } # ERROR: Not here; session.access_token is for the values of request_headers alone.
}
