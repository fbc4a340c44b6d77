listen "https" {
  address = ":443"
}
