# A file that does not parse is read as far as it goes: what seems to be missing may stand in the part that was lost.

telemetry {
  log_level = "loud" # ERROR: Value not allowed
}

route "lost" {
  from = "https://lost.example.com"
  policy = policy.lost
  to = [ "http://10.0.0.5:8080"
  any_user = = true # ERROR: Missing item separator
}
