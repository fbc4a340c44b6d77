# Names that no certificate can be had for.

listen "https" {
  address = ":443"
  tls     = ["auto", { certificate = file(env("CERT")), key = file(env("KEY")) }] # for *.example.com
}

acme {
  challenges = "tls-alpn-01"
  dns        = { key_secret = "" } # ERROR: Missing attribute; dns needs server # ERROR: Missing attribute; dns needs key_name beside key_secret
  eab        = {}                  # ERROR: Missing attribute; eab needs kid # ERROR: Missing attribute; eab needs hmac
}

route "every" {
  from   = "https://*.example.org" # ERROR: Certificate that only DNS proves; A certificate for *.example.org is issued only to who can change its zone (dns-01).
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "covered" {
  from   = "https://*.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

route "here" {
  from   = "https://app.localhost" # WARNING: No certificate for a host; No authority vouches for app.localhost
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}
