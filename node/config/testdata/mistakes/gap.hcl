# Hosts that no certificate is for.

listen "https" {
  address = ":443"
  tls     = { certificate = file(env("CERT")), key = file(env("KEY")) } # for *.example.com
}

route "wiki" {
  from   = "https://wiki.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "elsewhere" {
  from   = "https://wiki.example.org" # WARNING: No certificate for a host; None of the listeners' certificates is for wiki.example.org
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "every" {
  from   = "https://*.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}
