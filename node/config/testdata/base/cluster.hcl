cluster {
  name    = "test"
  secrets = [env("PICKET_SECRET")]
}
