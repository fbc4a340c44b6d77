# What routes change, and what they answer themselves.

route "both" {
  from = "https://both.example.com"
  redirect {
    host = "wiki.example.com"
  }
  respond { # ERROR: One or the other; route "both" redirects already, at
    status = 404
  }
}

route "upstream" {
  from    = "https://upstream.example.com"
  to      = "http://10.0.0.5:8080" # ERROR: One or the other; to is about an upstream, and route "upstream" has none: it has a redirect block.
  timeout = "1s"                   # ERROR: One or the other; timeout is about an upstream
  redirect {
    host = "wiki.example.com"
  }
  request_headers { # ERROR: One or the other; request_headers is about an upstream
  }
}

route "redirects" {
  from  = "https://redirects.example.com"
  paths = ["/docs/", "~^/v[0-9]+/"]
  redirect {
    host   = "wiki.example.com:8443" # ERROR: Not a usable URL; host is a name without a port: write port = … beside it.
    scheme = "ftp"                   # ERROR: Value not allowed; scheme is one of "https", "http".
    port   = 70000                   # ERROR: Out of range; port is between 1 and 65535.
    path   = "/a?b=c"                # ERROR: Not a usable path; A path ends before the query
    prefix = "/"                     # ERROR: Not a usable path; ~^/v[0-9]+/ is an expression, and has no prefix that this could take the place of. Write path.
    code   = 200                     # ERROR: Value not allowed; code is 301, 302, 303, 307 or 308
  }
}

route "path" {
  from = "https://path.example.com"
  redirect {
    host   = "https://wiki.example.com" # ERROR: Not a usable URL
    path   = "/a/../b"                  # ERROR: Not a usable path; The path has an empty segment
    prefix = "b"                        # ERROR: Not a usable path; A path begins with a slash.
  }
}

route "two" {
  from = "https://two.example.com"
  redirect {
    path   = "/a"
    prefix = "/b" # ERROR: One or the other; path takes the place of the whole path already.
  }
}

route "circle" {
  from = "https://circle.example.com/docs"
  redirect { # ERROR: Redirect leads nowhere; It leads where people come from, https://circle.example.com: they would never arrive.
    scheme = "https"
    host   = "circle.example.com"
    port   = 443
    prefix = "/docs"
  }
}

route "nowhere" {
  from = "https://nowhere.example.com"
  redirect {} # ERROR: Redirect leads nowhere
}

route "answers" {
  from = "https://answers.example.com"
  respond {
    status       = 204
    body         = "nothing"      # ERROR: Out of range; An answer 204 has no body
    content_type = "html"         # ERROR: Value not allowed; "html" is not a media type.
  }
}

route "early" {
  from = "https://early.example.com"
  respond {
    status = 101 # ERROR: Out of range; status is between 200 and 599.
  }
}

route "rewritten" {
  from  = "https://rewritten.example.com"
  paths = ["~^/docs/(.*)$"]
  to    = "http://10.0.0.5:8080"
  any_user = true
  rewrite {
    prefix = "/" # ERROR: Not a usable path; ~^/docs/(.*)$ is an expression, and has no prefix that this could take the place of. Write pattern and replace.
  }
}

route "replaced" {
  from     = "https://replaced.example.com"
  to       = "http://10.0.0.5:8080"
  any_user = true
  rewrite {
    prefix  = "/x"   # ERROR: One or the other; A path is rewritten by its prefix, or by pattern and replace.
    pattern = "^/a"
    replace = "/b"
  }
}

route "half" {
  from     = "https://half.example.com"
  to       = "http://10.0.0.5:8080"
  any_user = true
  rewrite { # ERROR: Missing attribute; pattern needs replace
    pattern = "^/a"
  }
}

route "other half" { # ERROR: Name not allowed
  from     = "https://half2.example.com"
  to       = "http://10.0.0.5:8080"
  any_user = true
  rewrite { # ERROR: Missing attribute; replace needs pattern
    replace = "/a"
  }
}

route "groups" {
  from     = "https://groups.example.com"
  to       = "http://10.0.0.5:8080"
  any_user = true
  rewrite {
    pattern = "^/docs/(.*)$"
    replace = "/$2" # ERROR: Not a usable path; There is no group 2: the expression has 1.
  }
}

route "dollar" {
  from     = "https://dollar.example.com"
  to       = "http://10.0.0.5:8080"
  any_user = true
  rewrite {
    pattern = "^/docs/(.*)$"
    replace = "/$name" # ERROR: Not a usable path; After a dollar comes the number of a group
  }
}

route "query" {
  from     = "https://query.example.com"
  to       = "http://10.0.0.5:8080"
  any_user = true
  rewrite {
    pattern = "^/docs/(.*)$"
    replace = "/?page=$1" # ERROR: Not a usable path; A path ends before the query
  }
}

route "bytes" {
  from     = "https://bytes.example.com"
  to       = "http://10.0.0.5:8080"
  any_user = true
  rewrite {
    pattern = "^/docs/(.*)$"
    replace = "/a b$1" # ERROR: Not a usable path; " " may not stand in a path. Write it percent-encoded, and groups as $1.
  }
}

route "re2" {
  from     = "https://re2.example.com"
  to       = "http://10.0.0.5:8080"
  any_user = true
  rewrite {
    pattern = "^/docs/(" # ERROR: Not a usable path; This is not an RE2 expression: missing closing )
    replace = "/"
  }
}

route "headers" {
  from     = "https://headers.example.com"
  to       = "http://10.0.0.5:8080"
  any_user = true

  identity_headers = { X-Email = user.email }

  request_headers {
    set = {
      Authorization          = "Bearer ${session.access_token}"
      X-Api-Key              = "in the open" # WARNING: Secret in the configuration
      X-Team                 = "docs"
      x-team                 = "docs"        # ERROR: Header not allowed; X-Team is set by X-Team already.
      X-Email                = "a"           # ERROR: Header not allowed; X-Email is set by identity_headers already.
      X-Picket-Jwt-Assertion = "a"           # ERROR: Header not allowed; X-Picket-Jwt-Assertion is set by the assertion already.
      X-Picket-Node          = "a"           # ERROR: Header not allowed; X-Picket-Node belongs to picket.
      Connection             = "close"       # ERROR: Header not allowed; Connection is for one connection alone
      Content-Length         = "1"           # ERROR: Header not allowed; Content-Length is decided by picket for each request.
      Cookie                 = "a=b"         # ERROR: Header not allowed
      X-Lines                = "a\r\nb: c"   # ERROR: Header not allowed; The value has a line break or a control character
      X-Typo                 = user.emial    # ERROR: Unknown name
    }
    remove = [
      "Cookie", "Cookie2",
      "X-Team",       # ERROR: Header not allowed; X-Team is set by X-Team already: what is set takes the place of what came.
      "Host",         # ERROR: Header not allowed; Host is decided by picket for each request.
      "Keep-Alive",   # ERROR: Header not allowed
      "cookie2",      # ERROR: Duplicate name
      "a b",          # ERROR: Header not allowed; "a b" is not the name of a header
    ]
  }

  response_headers {
    set = {
      Set-Cookie     = "a=b"                   # ERROR: Header not allowed; Cookies are the application's
      Alt-Svc        = "clear"                 # ERROR: Header not allowed; Alt-Svc is decided by picket for each response.
      X-Picket-Node  = "a"                     # ERROR: Header not allowed; X-Picket-Node belongs to picket.
      "X Y"          = "a"                     # ERROR: Header not allowed; "X Y" is not the name of a header
      X-Token        = session.access_token    # ERROR: Not here; session.access_token is for the values of request_headers alone.
    }
    remove = [
      "Server", "Set-Cookie",
      "Upgrade", # ERROR: Header not allowed
    ]
  }
}

route "identity" {
  from             = "https://identity.example.com"
  to               = "http://10.0.0.5:8080"
  any_user         = true
  identity_headers = { X-Token = session.access_token } # ERROR: Not here
}
