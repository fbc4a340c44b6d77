// Package upstream is the applications behind routes: which of them a request goes to, which of them are well, when a request
// may be sent again, and how they are reached.
//
// A Group is the applications of one route as one configuration has them. It is immutable, and finding the one of a single
// application takes no lock. What is learned of applications (answers to health checks, errors, requests under way) outlives
// configurations: Upstreams keeps it for as long as some route leads there. Run asks how they are.
//
// An application takes requests when its checks are good and it was not ejected for errors. Where that is true of none, guessing is
// better than refusing everyone: requests go to all of them, as if nobody had asked.
//
// The package speaks no HTTP for requests: it says where a request goes, and is told what became of it.
package upstream
