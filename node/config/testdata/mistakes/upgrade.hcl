# Protocols that requests switch to.

route "cluster" {
  from   = "https://kube.example.com"
  to     = "https://10.0.0.1:6443"
  public = true
  upgrade = [
    "spdy/3.1",
    "SPDY 3.1",  # ERROR: Value not allowed; "SPDY 3.1" is not the name of a protocol.
    "websocket", # ERROR: Value not allowed; For WebSockets write websocket = true
    "h2c",       # ERROR: Value not allowed; "h2c" would let requests pass
    "spdy/3.1",  # ERROR: Duplicate name; "spdy/3.1" stands in upgrade already.
  ]
}
