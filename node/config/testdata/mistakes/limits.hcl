# How much may come to a listener, and over UDP.

listen "https" {
  address        = ":443"
  tls            = { certificate = file(env("CERT")), key = file(env("KEY")) }
  http3          = true # ERROR: Not over UDP; The PROXY protocol is for TCP.
  proxy_protocol = ["10.0.0.0/8"]
  limits {
    streams          = 0         # ERROR: Out of range; streams is between 1 and 10000.
    body_rate        = "2GiB"    # ERROR: Out of range; body_rate is between 0B and 1GiB.
    headers          = 1.5       # ERROR: Wrong type; headers is a whole number.
    connections      = -1        # ERROR: Out of range; connections is between 0 and 100000000.
    connection_burst = 10        # ERROR: Out of range; connection_burst has no effect without connection_rate
    address_rate     = 100
    address_burst    = 10        # ERROR: Out of range; address_burst is how many may come at once
    addres_rate      = 1         # ERROR: Unknown attribute; There is no attribute "addres_rate" in a limits block. Did you mean "address_rate"?
  }
}

listen "plain" {
  address = ":8080"
  http3   = true # ERROR: Not over UDP; HTTP/3 is never without TLS
}

listen "believer" {
  address        = ":8081"
  proxy_protocol = ["0.0.0.0/0"] # WARNING: Everyone is trusted as a proxy; With 0.0.0.0/0 in proxy_protocol
}
