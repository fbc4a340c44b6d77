# Which requests are a route's.

route "form" {
  from = "https://form.example.com/app"
  paths = [
    "app/x",           # ERROR: Not a usable path; "app/x" begins with neither "/" (all paths below) nor "=/" (one path) nor "~^/" (RE2).
    "/other",          # ERROR: Not a usable path; /other is not below /app, which the route is from: paths are written whole. Write "/app/other".
    "=/other",         # ERROR: Not a usable path; /other is not below /app
    "/apps",           # ERROR: Not a usable path; /apps is not below /app
    "~^/other/[a-z]",  # ERROR: Not a usable path; No path below /app, which the route is from, matches this expression
    "/app/../x",       # ERROR: Not a usable path; The path has an empty segment, "." or "..".
    "/app//x",         # ERROR: Not a usable path; The path has an empty segment
    "/app/..;x",       # ERROR: Not a usable path; The path has an empty segment
    "/app/%2e%2e",     # ERROR: Not a usable path; The path has an empty segment
    "/app/a%2fb",      # ERROR: Not a usable path; The path has an encoded slash
    "/app/a%5Cb",      # ERROR: Not a usable path; The path has an encoded slash, a backslash
    "/app/a%00",       # ERROR: Not a usable path; The path has an encoded slash, a backslash or a control character.
    "/app/%zz",        # ERROR: Not a usable path; The path has a percent sign that encodes nothing.
    "/app/?a=b",       # ERROR: Not a usable path; A path ends before the query
    "=app",            # ERROR: Not a usable path; A path begins with a slash.
    "~/app/[0-9]",     # ERROR: Not a usable path; The expression has to begin with ^/
    "~^/app/a|/app/b", # ERROR: Not a usable path; The expression has to begin with ^/
    "~(?m)^/app/a.*",  # ERROR: Not a usable path; The expression has to begin with ^/
    "~^/app/(",        # ERROR: Not a usable path; This is not an RE2 expression: missing closing )
    "~^/app/(?=a)",    # ERROR: Not a usable path; This is not an RE2 expression: invalid or unsupported Perl syntax
    "~^/app/a.b$",
    "~^/app/a$",       # ERROR: Not a usable path; This expression is for one path alone. Write "=/app/a".
    "~^/app/ [a-z]",   # ERROR: Not a usable path; No path of a request matches this expression
    "~^/app/%61/.*",   # ERROR: Not a usable path; No path of a request matches this expression
    "~^/app/[0-9]//",  # ERROR: Not a usable path; No path of a request matches this expression
    "/app/docs/*",     # WARNING: Star in a path; A path has no wildcards, and this is for requests with a "*" in theirs. A path is for all that is below it, as "/app/docs/" is;
    "=/app/doc*",      # WARNING: Star in a path; A path has no wildcards, and this is for requests with a "*" in theirs. A path is for all that is below it, as "/app/" is;
    "~^/app/d[0-9]*$",
    "/app/x",
    "/app/%78/",       # ERROR: Duplicate name; /app/x is in the list already.
    "=/app/x",
  ]
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "ours" {
  from  = "https://ours.example.com"
  paths = [
    "/.picket",                          # ERROR: Path belongs to picket
    "=/.well-known/picket/jwks.json",    # ERROR: Path belongs to picket
    "~^/[.]picket/(a|b)",                # ERROR: Path belongs to picket
    "~^/.picket/[a-z]",
  ]
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "methods" {
  from    = "https://methods.example.com"
  methods = [
    "get",     # ERROR: Not a usable method; Methods are written in capitals (RFC 9110, section 9.1): "GET".
    "GET IT",  # ERROR: Not a usable method; "GET IT" is not a method.
    "GET_IT",  # ERROR: Not a usable method; "GET_IT" is not a method.
    "CONNECT", # ERROR: Not a usable method; CONNECT is not carried by a route for HTTP.
    "TRACE",   # ERROR: Not a usable method
    "PUT",
    "PUT",     # ERROR: Duplicate name; PUT is in the list already.
  ]
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

# Two routes for one request.

route "docs" {
  from   = "https://wiki.example.com"
  paths  = ["/docs/", "=/robots.txt", "~^/v[0-9]+/"]
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "docs too" { # ERROR: Name not allowed
  from   = "https://wiki.example.com"
  paths  = ["/docs",       # ERROR: Two routes for one address; route "docs" is for https://wiki.example.com/docs already, at
            "=/robots.txt", # ERROR: Two routes for one address; route "docs" is for https://wiki.example.com =/robots.txt already, at
            "~^/v[0-9]+/"]  # ERROR: Two routes for one address; route "docs" is for https://wiki.example.com ~^/v[0-9]+/ already, at
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "below" {
  from   = "https://wiki.example.com/docs" # ERROR: Two routes for one address; route "docs" is for https://wiki.example.com/docs already, at
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "reading" { # with methods, it is another
  from    = "https://wiki.example.com/docs"
  methods = ["GET", "OPTIONS"]
  to      = "http://10.0.0.5:8080"
  policy  = policy.staff
}

route "heads" {
  from    = "https://wiki.example.com/docs" # ERROR: Two routes for one address; route "reading" is for HEAD https://wiki.example.com/docs already, at
  methods = ["HEAD", "POST"]
  to      = "http://10.0.0.5:8080"
  policy  = policy.staff
}

route "versions" {
  from   = "https://versions.example.com"
  paths  = ["~^/v[0-9]+/", # WARNING: Two expressions for one path; route "api" is for such as /v0/api/ too, by ~^/v[0-9]+/api/ at
            "~^/w[0-9]+/"]
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "api" {
  from   = "https://versions.example.com"
  paths  = ["~^/v[0-9]+/api/",
            "~^/docs/v[0-9]+/"] # names another segment, and goes first for that
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "posts" { # no method in common with what takes the same paths
  from    = "https://other.example.com"
  paths   = ["~^/w[0-9]+/"]
  methods = ["POST"]
  to      = "http://10.0.0.5:8080"
  policy  = policy.staff
}

route "gets" {
  from    = "https://other.example.com"
  paths   = ["~^/w[0-9]+/"]
  methods = ["GET"]
  to      = "http://10.0.0.5:8080"
  policy  = policy.staff
}
