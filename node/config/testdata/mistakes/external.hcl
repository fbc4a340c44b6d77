# A NATS cluster that runs elsewhere.

cluster {
  name          = "test"
  secrets       = []    # ERROR: Empty value; There must be one secret at least.
  max_staleness = "1ms" # ERROR: Out of range; max_staleness is at least 1s.
  broker {
    url = [
      "tls://nats-1:4222",
      "nats://user:password@nats-2:4222", # ERROR: Not a usable URL; This is not the URL of a NATS server.
      "http://nats-3:4222",               # ERROR: Not a usable URL
    ]
    credentials = "user:password"   # WARNING: Secret in the configuration # ERROR: Not NATS credentials; This is not the text of a .creds file.
    ca          = file(env("KEY"))  # ERROR: Not usable PEM; There is no PEM block CERTIFICATE in this text.
    prefix      = "a.b"             # ERROR: Name not allowed; A prefix of bucket names
    replicas    = 2                 # ERROR: Value not allowed; replicas is 1, 3 or 5
    store       = "/var/lib/picket" # ERROR: Two kinds of broker; url is a NATS cluster that runs elsewhere, and store is for the one inside the nodes.
  }
}
