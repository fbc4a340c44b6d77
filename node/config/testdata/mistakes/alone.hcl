# A node beside one that keeps its state alone.

cluster {
  name    = "corp"
  secrets = [env("PICKET_SECRET")]
  broker {
    node  = "node-2"
    peers = ["node-1:6222"] # WARNING: The only peer is another node; A node that keeps its state alone has no others, and this one is node-2
  }
}
