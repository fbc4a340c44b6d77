# The cluster and its broker.

cluster {
  name    = "our cluster" # ERROR: Name not allowed
  secrets = [
    env("PICKET_SECRET"),
    env("SHORT_SECRET"),                           # ERROR: Secret too short; It has 5 bytes, and needs 32 at least.
    "a secret that anyone can read in this file",  # WARNING: Secret in the configuration; Whoever reads this file has the secret.
    env("NOT_SET", "nor does a default of env help in the least"), # WARNING: Secret in the configuration
  ]
  max_staleness = "5s" # WARNING: Short max_staleness; When a node crashes
  broker {
    node = "node 1" # ERROR: Name not allowed; "node 1" cannot be the name of a node
    peers = [ # ERROR: Wrong number of peers; There are 6. State is kept by 1, 3 or 5 nodes
      "node-1:6222",
      "node-2=10.0.0.2:6222",
      "node-2=10.0.0.3:6222", # ERROR: Duplicate name; This peer is in the list already, as node-2 at 10.0.0.2:6222.
      "node-4",               # ERROR: Not a peer; "node-4" is not a peer. Write NAME:PORT
      "node-5=:6222",         # ERROR: Not a peer
      "node-6=[::1]:6222",
    ]
    listen = ":9901"          # the default of admin
    client = "127.0.0.1:9901" # ERROR: Address used twice; broker listen and broker client cannot both listen on port 9901 here.
    sync     = "sometimes"    # ERROR: Not a duration
    limit    = "much"         # ERROR: Not a size; "much" is not a size.
    replicas = 3              # ERROR: Two kinds of broker; replicas is for a NATS cluster that runs elsewhere, and there is no url.
  }
}

admin {
  address = "unix:" # ERROR: Not an address; After unix: comes the path of a socket
}
