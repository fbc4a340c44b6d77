# Certificates of clients: who may issue them, what they must be, and which were revoked.

listen "https" {
  address            = ":443"
  tls                = { certificate = file(env("CERT")), key = file(env("KEY")) }
  client_ca          = file(env("CLIENT_CA"))
  client_certificate = "required"           # ERROR: Value not allowed; client_certificate is one of "request" and "require". Did you mean "require"?
  client_crl         = file(env("OTHER_CRL")) # ERROR: Not a list of client_ca; The list is of CN=Others, and client_ca does not have it. # WARNING: No list of revoked certificates; There is none of CN=Devices
  client_depth       = 0                    # ERROR: Out of range; client_depth is at least 1
  client_san         = {
    dns  = "*.example.com"  # ERROR: Not a pattern; A star means nothing here.
    uri  = "~spiffe://(.*"  # ERROR: Not a pattern; missing closing ): `spiffe://(.*`.
    email = ["", "~a)|(b"]  # ERROR: Empty value # ERROR: Not a pattern; unexpected ): `a)|(b`.
    ip   = "10.0.0.0/33"    # ERROR: Not a network; "10.0.0.0/33" is neither an IP address nor a network
    mail = "a@example.com"  # ERROR: Unknown attribute; There is no attribute "mail" in client_san. Did you mean "email"?
  }
}

listen "nobody" {
  address            = ":444"
  tls                = { certificate = file(env("CERT")), key = file(env("KEY")) }
  client_certificate = "require" # ERROR: Missing attribute; listen "nobody" requires certificates and trusts nobody to issue them.
}

listen "list" {
  address            = ":445"
  tls                = { certificate = file(env("CERT")), key = file(env("KEY")) }
  client_certificate = "request" # ERROR: Missing attribute; listen "list" needs client_ca
  client_crl         = file(env("CLIENT_CRL"))
}

listen "plain" {
  address            = ":446"
  client_certificate = "request" # ERROR: No TLS to show a certificate by; Certificates are shown when TLS is agreed on, and listen "plain" does not speak it.
}

listen "expired" {
  address            = ":447"
  tls                = { certificate = file(env("CERT")), key = file(env("KEY")) }
  client_ca          = file(env("CLIENT_CA"))
  client_certificate = "require"
  client_crl         = file(env("OLD_CRL")) # WARNING: List of revoked certificates has expired; The list of CN=Devices was to be replaced by 2020-01-01 00:00:00
}

listen "forged" {
  address            = ":448"
  tls                = { certificate = file(env("CERT")), key = file(env("KEY")) }
  client_ca          = file(env("CLIENT_CA"))
  client_certificate = "require"
  client_crl         = file(env("FORGED_CRL")) # ERROR: Not a list of client_ca; The list is of CN=Devices, and the one of that name in client_ca did not sign it
}

listen "delta" {
  address            = ":449"
  tls                = { certificate = file(env("CERT")), key = file(env("KEY")) }
  client_ca          = file(env("CLIENT_CA"))
  client_certificate = "require"
  client_crl         = file(env("DELTA_CRL")) # ERROR: Not a list of client_ca; The list of CN=Devices says only what changed
}

listen "unknown" {
  address            = ":450"
  tls                = { certificate = file(env("CERT")), key = file(env("KEY")) }
  client_ca          = file(env("OLD_CERT")) # WARNING: Certificate has expired
  client_certificate = "require"
  client_crl         = file(env("BROKEN_CRL")) # ERROR: Not usable PEM; There is a PEM block X509 CRL that is not
}

listen "critical" {
  address            = ":451"
  tls                = { certificate = file(env("CERT")), key = file(env("KEY")) }
  client_ca          = file(env("CLIENT_CA"))
  client_certificate = "require"
  client_crl         = file(env("UNKNOWN_CRL")) # ERROR: Not a list of client_ca; The list of CN=Devices has an extension that must be understood and is not: 1.2.3
}

route "own" {
  from      = "https://own.example.com"
  to        = "http://10.0.0.5"
  public    = true
  client_ca = file(env("CLIENT_CA")) # ERROR: Missing attribute; Nobody is asked for a certificate.
}

route "list" {
  from               = "https://list.example.com"
  to                 = "http://10.0.0.5"
  public             = true
  client_certificate = "request"
  client_crl         = file(env("CLIENT_CRL")) # ERROR: Missing attribute; A list belongs to authorities: give route "list" a client_ca of its own
}

route "plain" {
  from               = "http://plain.localhost"
  to                 = "http://10.0.0.5"
  public             = true
  client_certificate = "require" # ERROR: No TLS to show a certificate by; Certificates are shown when TLS is agreed on, and this is a route from http.
}
