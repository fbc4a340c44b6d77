# WITHOUT: authenticate identity

cluster { # ERROR: Missing attribute; cluster needs name # ERROR: Missing attribute; cluster needs secrets
}

listen "https" { # ERROR: Missing attribute; listen "https" needs address
}

route "wiki" { # ERROR: Missing attribute; route "wiki" needs from # ERROR: Missing attribute; route "wiki" needs to # ERROR: Who may enter?; route "wiki" says nothing of it. # ERROR: Nobody could sign in; route "wiki" asks who someone is, and no identity block # ERROR: Nobody could sign in; route "wiki" asks who someone is, and there is no host
}
