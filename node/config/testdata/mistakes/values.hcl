# Values of the wrong kind.

cluster {
  name          = corp # ERROR: Not a value; There is nothing called corp. If it is a text, put it in quotes: "corp".
  secrets       = [env("PICKET_SECRET"), 5, policy.staff] # ERROR: Wrong type; This is a number. Write a text in quotes # ERROR: Not a value; A reference to a policy block cannot stand here.
  max_staleness = 15 # ERROR: Wrong type; This is a number. max_staleness is a text with a unit, such as "15s".
  broker {
    url      = { a = "b" } # ERROR: Wrong type; This is an object. Write a list of texts
    replicas = 3.5         # ERROR: Wrong type; replicas is a whole number.
    prefix   = null        # ERROR: Wrong type; This has no value.
  }
}

telemetry {
  access_log = "maybe"   # ERROR: Wrong type; This is a text. Write true or false, without quotes.
  log_level  = "verbose" # ERROR: Value not allowed; log_level is one of "info", "debug", "warn" and "error".
  log_format = "jsno"    # ERROR: Value not allowed; log_format is one of "json" and "console". Did you mean "json"?
}

session {
  lifetime  = "14"   # ERROR: Not a duration; "14" has no unit. Write "14s" for seconds.
  idle      = "2d"   # ERROR: Not a duration; Days are no unit here. Write hours: "48h".
  same_site = "None" # ERROR: Value not allowed; same_site is one of "lax", "strict" and "none". Did you mean "none"?
}

listen "https" {
  address         = "443" # ERROR: Not an address; "443" is not HOST:PORT.
  trusted_proxies = ["10.0.0.0/33", "10.0.0.1", "0.0.0.0/0"] # ERROR: Not a network; "10.0.0.0/33" is not a network # WARNING: Everyone is trusted as a proxy
  limits {
    header_bytes   = "64KB"   # ERROR: Not a size; "KB" is not a unit of size. The units are "B", "KiB", "MiB", "GiB" and "TiB"
    header_timeout = "0s"     # ERROR: Out of range; header_timeout is at least 1ms.
    idle_timeout   = "5 mins" # ERROR: Not a duration; The unit of minutes is m: write "5m".
  }
}

listen "more" {
  address = "localhost:99999" # ERROR: Not an address; "localhost:99999" has no port between 0 and 65535
  limits {
    header_bytes   = "1GiB"  # ERROR: Out of range; header_bytes is between 1KiB and 16MiB.
    header_timeout = "-5s"   # ERROR: Not a duration; "-5s" is negative.
    idle_timeout   = "soon"  # ERROR: Not a duration; "soon" is not a time span.
  }
}

listen "names" {
  address = "bücher.example:443"                     # ERROR: Not an address; The host has letters beyond ASCII.
  tls     = [{ certificate = file(env("CERT")) }, 5] # ERROR: Missing attribute; tls needs key: write key = file("PATH"). # ERROR: Wrong type; Write "auto", or { certificate
}

listen "empty" {
  address = ""                               # ERROR: Empty value; address must not be empty
  tls     = []                               # ERROR: Empty value; tls has no certificate.
  trusted_proxies = jsondecode("[true]")     # ERROR: Wrong type; This list has something in it that is not a text.
}
