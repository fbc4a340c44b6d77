# How certificates are ordered.

listen "https" {
  address = ":443"
  tls     = ["auto", "manual"] # ERROR: Wrong type; Write "auto", or { certificate = file("PATH")
}

acme {
  directory  = "http://ca.example.com/directory" # ERROR: Plain http; An authority is asked over https. Write https://.
  email      = "ops at example.com"              # ERROR: Not an email address; Write one address alone
  ca         = "ca.pem"                          # ERROR: Not usable PEM
  eab        = { kid = "k1", hmac = "key 1" }    # ERROR: Not base64; hmac is base64url # WARNING: Secret in the configuration
  key_type   = "ed25519"                         # ERROR: Value not allowed; key_type is one of "p256"
  challenges = [
    "http-01", # ERROR: Missing block; Nothing would answer http-01: the authority asks on port 80, without TLS. Write listen "http"
    "dns01",   # ERROR: Value not allowed; challenges are of "http-01", "tls-alpn-01" and "dns-01". Did you mean "dns-01"?
    "dns-01",
  ]
  dns = {
    server        = "ns1.example.com:dns" # ERROR: Not an address; "ns1.example.com:dns" is no server.
    zone          = "example.com."
    key_name      = "picket"
    key_secret    = "secret!"  # ERROR: Not base64; key_secret is base64, as tsig-keygen gives it. # WARNING: Secret in the configuration
    key_algorithm = "hmac-md5" # ERROR: Value not allowed; key_algorithm is one of
    propagation   = "soon"     # ERROR: Not a duration
  }
}

route "elsewhere" {
  from   = "https://*.example.org" # ERROR: Certificate that only DNS proves; *.example.org is not in the zone example.com, which acme.dns may change.
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}
