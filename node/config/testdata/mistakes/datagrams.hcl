# Routes that carry datagrams.

route "dns" {
  from   = "udp+https://dns.example.com:53"
  to     = ["udp://10.0.0.9:53"]
  public = true
}

route "twice" {
  from   = "udp+https://dns.example.com:53" # ERROR: Two routes for one address
  to     = ["udp://10.0.0.9:53"]
  public = true
}

route "beside" {
  from   = "tcp+https://dns.example.com:53"
  to     = ["tcp://10.0.0.9:53"]
  public = true
}

route "wrong" {
  from           = "udp+https://ntp.example.com:123"
  to             = ["tcp://10.0.0.9:123"] # ERROR: Not a usable URL; "tcp" is not a scheme for what carries datagrams.
  public         = true
  websocket      = true # ERROR: Not for a route that carries TCP
  proxy_protocol = "v2" # ERROR: Not over UDP; The PROXY protocol is for TCP.
  health {              # ERROR: Not over UDP; Whether something answers
  }
}
