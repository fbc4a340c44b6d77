authenticate {
  url = "https://auth.example.com"
}
