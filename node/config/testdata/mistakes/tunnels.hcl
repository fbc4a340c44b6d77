# Where TCP is carried.

route "ssh" {
  from   = "tcp+https://bastion.example.com:22"
  to     = ["tcp://10.0.0.9:22"]
  policy = policy.staff
}

route "again" {
  from   = "TCP+https://Bastion.example.com.:22/" # ERROR: Two routes for one address; route "ssh" is for tcp+https://bastion.example.com:22 already, at
  to     = ["tcp://10.0.0.9:22"]
  policy = policy.staff
}

route "beside" { # another port is another place
  from   = "tcp+https://bastion.example.com:443"
  to     = ["http://10.0.0.9:22",    # ERROR: Not a usable URL; "http" is not a scheme for what carries TCP. Write tcp://.
            "tcp://10.0.0.9",        # ERROR: Not a usable URL; TCP has no port of its own.
            "tcp://10.0.0.9:22/tmp"] # ERROR: Not a usable URL; TCP has no path. Leave out "/tmp".
  policy = policy.staff
}

route "mixed" {
  from   = "https://mixed.example.com"
  to     = ["tcp://10.0.0.9:22"] # ERROR: Not a usable URL; TCP is carried where people ask for it: write from = "tcp+https://HOST:PORT"
  policy = policy.staff
}

route "bare" {
  from   = "tcp://bare.example.com:22" # ERROR: Not a usable URL; "tcp" is not a scheme for this. Write tcp+https:// (or tcp+http://).
  to     = ["tcp://10.0.0.9:22"]
  policy = policy.staff
}

route "bare-datagrams" {
  from   = "udp://bare.example.com:53" # ERROR: Not a usable URL; "udp" is not a scheme for this. Write udp+https:// (or udp+http://).
  to     = ["udp://10.0.0.9:53"]
  policy = policy.staff
}

route "port" {
  from   = "tcp+https://bastion.example.com" # ERROR: Not a usable URL; TCP has no port of its own.
  to     = []                                # ERROR: Empty value; There must be one upstream at least, such as "tcp://10.0.0.9:22".
  policy = policy.staff
}

route "plain" {
  from   = "tcp+http://bastion.example.com:22" # ERROR: Plain http; http is for localhost
  to     = ["tcp://10.0.0.9:22"]
  policy = policy.staff
}

route "star" {
  from   = "tcp+https://*.example.com:22" # ERROR: Not a usable URL; A route that carries TCP is for one host
  to     = ["tcp://10.0.0.9:22"]
  policy = policy.staff
}

route "scheme" {
  from   = "tcp+ssh://bastion.example.com:22" # ERROR: Not a usable URL; "tcp+ssh" is not a scheme for this.
  to     = ["tcp://10.0.0.9:0"]               # ERROR: Not a usable URL; "0" is not a port.
  policy = policy.staff
}

route "http" {
  from      = "tcp+https://http.example.com:22"
  to        = ["tcp://10.0.0.9:22"]
  policy    = policy.staff
  websocket = true # ERROR: Not for a route that carries TCP; websocket is about HTTP, and route "http" carries bytes as they stand.
  timeout   = "1s" # ERROR: Not for a route that carries TCP; timeout is about HTTP
  rewrite { # ERROR: Not for a route that carries TCP; rewrite is about HTTP
    host = "preserve"
  }
}
