# Where routes begin and end.

route "one" {
  from   = "https://wiki.example.com/docs"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "two" {
  from   = "https://WIKI.example.com.:443/docs/" # ERROR: Two routes for one address; route "one" is for https://wiki.example.com/docs already, at
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "plain" {
  from   = "http://wiki.example.com"      # ERROR: Plain http; http is for localhost, names below it and loopback addresses
  to     = ["http://10.0.0.5:8080/app",   # ERROR: Not a usable URL; An upstream has no path: requests keep the path that they come with. Write "http://10.0.0.5:8080".
            "http://user@10.0.0.5:8080",  # ERROR: Not a usable URL; A URL here has no user and no password before the host.
            "http://10.0.0.5:8080?x=y",   # ERROR: Not a usable URL; A URL here ends with its path
            "10.0.0.5:8080",              # ERROR: Not a usable URL; This is not a whole URL. Write such as "http://10.0.0.5:8080".
            "ftp://10.0.0.5",             # ERROR: Not a usable URL; "ftp" is not a scheme for this. Write http://, https://, or h2c://
            "http://10.0.0.5:0",          # ERROR: Not a usable URL; "0" is not a port.
            "https:10.0.0.5",             # ERROR: Not a usable URL; After the scheme come two slashes
            "wiki",                       # ERROR: Not a usable URL; This is not a whole URL.
            "http://10.0.5"]              # ERROR: Not a usable URL; "10.0.5" is neither a host name nor an IP address.
  policy = policy.staff
}

route "ours" {
  from   = "https://wiki.example.com/.picket/x" # ERROR: Path belongs to picket
  to     = []                                   # ERROR: Empty value; There must be one upstream at least
  policy = policy.staff
}

route "climbs" {
  from   = "https://wiki.example.com/a/../b" # ERROR: Not a usable URL; The path has an empty segment, "." or "..".
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "slash" {
  from   = "https://wiki.example.com/a%2Fb" # ERROR: Not a usable URL; The path has an encoded slash
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "stars" {
  from   = "https://wiki.*.com" # ERROR: Not a usable URL; A star stands for the first label
  to     = "https://*.internal" # ERROR: Not a usable URL; A star stands for the first label
  policy = policy.staff
}

route "below-star" {
  from   = "https://below-star.example.com/*" # WARNING: Star in a path
  to     = "https://[::1]:8443"
  policy = policy.staff
}

route "star" {
  from   = "https://*.127.0.0.1" # ERROR: Not a usable URL; A star stands before a name, not before an IP address.
  to     = "http://my host"      # ERROR: Not a usable URL; This is not a URL
  policy = policy.staff
}

route "host" {
  from   = "https://*.wiki.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  rewrite {
    host = "preserv" # ERROR: Value not allowed; host is "upstream", "preserve" or the name of a host. Did you mean "preserve"?
  }
}

route "header" {
  from   = "https://header.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  rewrite {
    host = "http://wiki" # ERROR: Value not allowed
  }
}
