package faults

import (
	"testing"
	"time"
)

// forged is a history as it should not have been, or should, told in seconds.
type forged struct{ record }

func at(kind kind, target, session string, began, ended float64, o outcome) event {
	return event{kind: kind, target: target, person: "ann", session: session, began: seconds64(began), ended: seconds64(ended), outcome: o}
}

func seconds64(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// of adds to a history in which ann signed in to s1 from 1 to 2, and eve, whom no policy admits, to s2.
func of(events ...event) forged {
	eve := at(signIn, "n1", "s2", 1, 2, done)
	eve.person = "eve"
	return forged{record{events: append([]event{at(signIn, "n1", "s1", 1, 2, done), eve}, events...)}}
}

func (f forged) excused(x ...excuse) forged {
	f.excuses = append(f.excuses, x...)
	return f
}

func whose(e event, person string) event {
	e.person = person
	return e
}

func noted(e event, note string) event {
	e.note = note
	return e
}

func must(e event) event {
	e.required = true
	return e
}

func locked(kind kind, id string, began, ended float64, o outcome) event {
	e := at(kind, "n1", "s1", began, ended, o)
	e.lock = id
	return e
}

func TestTheJudgeFindsWhatIsForged(t *testing.T) {
	revoked := at(revokeSession, "n1", "s1", 10, 11, done)
	allRevoked := at(revokeUser, "n1", "", 10, 11, done)
	lockedDown, freed := locked(lock, "k1", 10, 11, done), locked(unlock, "k1", 40, 41, done)
	for name, test := range map[string]struct {
		history forged
		want    string // the rule; "": nothing is wrong
	}{
		"a request is admitted": {of(at(ask, "n2", "s1", 3, 3.1, admitted)), ""},
		"it began before the acknowledgement, and ended after the bound": {
			of(revoked, at(ask, "n2", "s1", 10.9, 40, admitted)), ""},
		"admitted within the bound":                       {of(revoked, at(ask, "n2", "s1", 25.9, 26.5, admitted)), ""},
		"admitted after the bound":                        {of(revoked, at(ask, "n2", "s1", 26.1, 26.2, admitted)), tooLate},
		"admitted after the bound by the balancer":        {of(revoked, at(ask, balancer, "s1", 26.1, 26.2, admitted)), tooLate},
		"admitted after the bound, all of the person's":   {of(allRevoked, at(ask, "n2", "s1", 26.1, 26.2, admitted)), tooLate},
		"admitted though an excuse is on":                 {of(revoked, at(ask, "n2", "s1", 27, 28, admitted)).excused(excuse{asks: true, writes: true}), tooLate},
		"nobody acknowledged, but a node has refused it":  {of(at(revokeSession, "n1", "s1", 10, 30, unavailable), at(ask, "n1", "s1", 12, 12.1, sentToSignIn), at(ask, "n2", "s1", 28, 28.1, admitted)).excused(excuse{writes: true}), tooLate},
		"nobody acknowledged, and nobody refuses":         {of(at(revokeSession, "n1", "s1", 10, 11, unavailable), at(ask, "n2", "s1", 90, 91, admitted)).excused(excuse{writes: true}), ""},
		"a node that refused it admits it":                {of(revoked, at(ask, "n2", "s1", 11, 11.1, sentToSignIn), at(ask, "n2", "s1", 11.2, 11.3, admitted)), risen},
		"another node still admits it":                    {of(revoked, at(ask, "n2", "s1", 11, 11.1, sentToSignIn), at(ask, "n3", "s1", 11.2, 11.3, admitted)), ""},
		"the two overlap":                                 {of(revoked, at(ask, "n2", "s1", 11, 11.3, sentToSignIn), at(ask, "n2", "s1", 11.2, 11.4, admitted)), ""},
		"refused while a revocation is under way":         {of(at(revokeSession, "n1", "s1", 10, 11, underWay), at(ask, "n2", "s1", 10.1, 10.2, sentToSignIn)), ""},
		"refused while it is being revoked":               {of(revoked, at(ask, "n2", "s1", 9.9, 10.1, sentToSignIn)), ""},
		"refused before it was revoked":                   {of(revoked, at(ask, "n2", "s1", 9, 9.9, sentToSignIn)), signedOut},
		"refused, and never revoked":                      {of(at(ask, "n2", "s1", 9, 9.9, sentToSignIn)), signedOut},
		"refused, and an excuse is on":                    {of(at(ask, "n2", "s1", 9, 9.9, sentToSignIn)).excused(excuse{asks: true}), signedOut},
		"refused, and somebody else was revoked":          {of(whose(allRevoked, "eve"), at(ask, "n2", "s1", 12, 12.1, sentToSignIn)), signedOut},
		"refused at once after the sign-in":               {of(at(ask, "n3", "s1", 2.001, 2.002, sentToSignIn)), signedOut},
		"a revocation of the person before the sign-in":   {of(at(revokeUser, "n1", "", 0.1, 0.9, done), at(ask, "n2", "s1", 3, 3.1, sentToSignIn)), signedOut},
		"one that overlaps the sign-in, and refuses":      {of(at(revokeUser, "n1", "", 0.1, 1.1, done), at(ask, "n2", "s1", 3, 3.1, sentToSignIn)), ""},
		"one that overlaps the sign-in, and spares":       {of(at(revokeUser, "n1", "", 0.1, 1.1, done), at(ask, "n2", "s1", 30, 30.1, admitted)), ""},
		"one before the sign-in that nobody acknowledged": {of(at(revokeUser, "n1", "", 0.1, 0.9, unanswered), at(ask, "n2", "s1", 3, 3.1, sentToSignIn)).excused(excuse{writes: true}), ""},
		"the wrong person is admitted":                    {of(whose(at(ask, "n1", "s2", 3, 4, admitted), "eve")), trespass},
		"the wrong person is denied":                      {of(whose(at(ask, "n1", "s2", 3, 4, denied), "eve")), ""},
		"the right person is denied":                      {of(at(ask, "n1", "s1", 3, 4, denied)), shutOut},
		"the application sees another":                    {of(noted(at(ask, "n1", "s1", 3, 4, admitted), "bob")), mistaken},
		"a session of another's":                          {of(whose(at(ask, "n1", "s1", 3, 4, admitted), "bob")), mistaken},
		"a session of nobody's":                           {of(at(ask, "n1", "s9", 3, 4, admitted)), odd},
		"503 for no reason":                               {of(at(ask, "n1", "s1", 3, 4, unavailable)), refused},
		"503 while a fault explains it":                   {of(at(ask, "n1", "s1", 3, 4, unavailable)).excused(excuse{target: "n1", asks: true, to: seconds64(3.5)}), ""},
		"503 after the fault":                             {of(at(ask, "n1", "s1", 4, 5, unavailable)).excused(excuse{target: "n1", asks: true, to: seconds64(3.5)}), refused},
		"503 before the fault":                            {of(at(ask, "n1", "s1", 3, 4, unavailable)).excused(excuse{target: "n1", asks: true, from: seconds64(4.5)}), refused},
		"503 of a node that has no fault":                 {of(at(ask, "n2", "s1", 3, 4, unavailable)).excused(excuse{target: "n1", asks: true}), refused},
		"503 where only writes are hindered":              {of(at(ask, "n1", "s1", 3, 4, unavailable)).excused(excuse{writes: true}), refused},
		"no answer for no reason":                         {of(at(ask, "n1", "s1", 3, 4, unanswered)), refused},
		"503 though all is well again":                    {of(must(at(ask, "n1", "s1", 3, 4, unavailable))).excused(excuse{asks: true}), refused},
		"a sign-in that fails for no reason":              {of(at(signIn, "n1", "", 3, 4, unanswered)), refused},
		"a sign-in that fails in an election":             {of(at(signIn, "n1", "", 3, 4, unavailable)).excused(excuse{writes: true}), ""},
		"a sign-in turned away in an election":            {of(at(signIn, "n1", "", 3, 4, turnedAway)).excused(excuse{writes: true, asks: true}), refused},
		"a sign-in turned away by a wrong clock":          {of(at(signIn, "n1", "", 3, 4, turnedAway)).excused(excuse{clocks: true}), ""},
		"a revocation that fails for no reason":           {of(at(revokeSession, "n1", "s1", 3, 4, unavailable)), refused},
		"a revocation that finds nothing":                 {of(at(revokeSession, "n1", "s1", 3, 4, absent)), lost},
		"one that finds nothing after another":            {of(revoked, at(revokeSession, "n1", "s1", 12, 13, absent)), ""},
		"two at once, and the second finds nothing":       {of(revoked, at(revokeSession, "n2", "s1", 10.5, 11.5, absent)), ""},
		"lost when all is well again":                     {of(must(at(ask, "n2", "s1", 90, 91, sentToSignIn))), lost},
		"revoked, and admitted when all is well again":    {of(revoked, must(at(ask, "n2", "s1", 14, 14.1, admitted))), stillThere},
		"revoked just now, and admitted when all is well": {of(revoked, must(at(ask, "n2", "s1", 11.01, 11.02, admitted))), ""},
		"locked, and denied":                              {of(lockedDown, at(ask, "n2", "s1", 12, 13, denied)), ""},
		"locked, and admitted within the bound":           {of(lockedDown, at(ask, "n2", "s1", 25.9, 26.5, admitted)), ""},
		"locked, and admitted after the bound":            {of(lockedDown, at(ask, "n2", "s1", 26.1, 26.2, admitted)), unlocked},
		"locked, and admitted when all is well again":     {of(lockedDown, must(at(ask, "n2", "s1", 14, 14.1, admitted))), unlocked},
		"locked, and signed out":                          {of(lockedDown, at(ask, "n2", "s1", 14, 14.1, sentToSignIn)), signedOut},
		"denied before it was locked":                     {of(lockedDown, at(ask, "n2", "s1", 9, 9.9, denied)), shutOut},
		"denied while it is being locked":                 {of(locked(lock, "", 10, 60, underWay), at(ask, "n2", "s1", 11, 11.1, denied)), ""},
		"nobody acknowledged the lock":                    {of(locked(lock, "", 10, 11, unanswered), at(ask, "n2", "s1", 90, 91, admitted), at(ask, "n2", "s1", 92, 93, denied)).excused(excuse{writes: true}), ""},
		"freed, and admitted":                             {of(lockedDown, freed, at(ask, "n2", "s1", 39, 40.1, admitted)), ""},
		"freed, and still denied within the bound":        {of(lockedDown, freed, at(ask, "n2", "s1", 55, 55.1, denied)), ""},
		"freed, and denied after the bound":               {of(lockedDown, freed, at(ask, "n2", "s1", 57, 57.1, denied)), shutOut},
		"freed, and denied when all is well again":        {of(lockedDown, freed, must(at(ask, "n2", "s1", 44, 44.1, denied))), shutOut},
		"freed perhaps, and denied":                       {of(lockedDown, locked(unlock, "k1", 40, 41, unanswered), at(ask, "n2", "s1", 90, 90.1, denied)).excused(excuse{writes: true}), ""},
		"freed perhaps, and admitted":                     {of(lockedDown, locked(unlock, "k1", 40, 41, unanswered), at(ask, "n2", "s1", 90, 90.1, admitted)).excused(excuse{writes: true}), ""},
		"the lock is not found":                           {of(lockedDown, locked(unlock, "k1", 40, 41, absent)), lost},
		"an answer that is none":                          {of(at(ask, "n1", "s1", 3, 4, strange)).excused(excuse{asks: true}), odd},
	} {
		t.Run(name, func(t *testing.T) {
			found := judge(test.history.record, rules{bound: 15 * time.Second, strangers: map[string]bool{"eve": true}})
			if test.want == "" && len(found) > 0 {
				t.Errorf("found %s, want nothing", found[0])
			}
			if test.want != "" && (len(found) != 1 || found[0].rule != test.want) {
				t.Errorf("found %v, want %q", found, test.want)
			}
		})
	}
}

func TestARowCountsOneFault(t *testing.T) {
	r := of(
		at(ask, "n1", "s1", 3, 3.1, admitted), // before the fault
		at(ask, "n1", "s1", 10.5, 10.6, admitted),
		at(revokeSession, "n1", "s1", 10, 11, done),
		at(ask, "n1", "s1", 11.5, 11.6, admitted),
		at(ask, "n2", "s1", 12, 12.1, unavailable),
		at(ask, "n3", "s1", 13, 13.1, unanswered),
		at(signIn, "n3", "s3", 14, 16, done),
	).record
	m := measure(r, seconds64(9), seconds64(19))
	if m.requests != 4 || m.admitted != 2 || m.unavailable != 1 || m.unanswered != 1 || m.signIns != 1 || m.revocations != 1 {
		t.Errorf("counted %+v", m)
	}
	if len(m.outlived) != 1 || m.outlived[0] != seconds64(0.5) {
		t.Errorf("outlived %v, want 0.5 s", m.outlived)
	}
	if m.stall != seconds64(5) {
		t.Errorf("stalled %s, want 5s", m.stall)
	}
}

func TestASessionThatIsNewerThanARevocationDoesNotOutliveIt(t *testing.T) {
	r := of(
		at(revokeUser, "n1", "", 10, 11, done),
		at(signIn, "n1", "s3", 9, 10.5, done), // at the same time, and spared
		at(signIn, "n1", "s4", 12, 13, done),
		at(ask, "n2", "s1", 11.2, 11.3, admitted),
		at(ask, "n2", "s3", 50, 50.1, admitted),
		at(ask, "n2", "s4", 50, 50.1, admitted),
	).record
	if got := outlived(r, 0, seconds64(60)); len(got) != 1 || got[0] != seconds64(0.2) {
		t.Errorf("outlived %v, want 0.2 s", got)
	}
}

func TestAHistoryKeepsWhatItIsTold(t *testing.T) {
	h := newHistory()
	end := h.excuse(excuse{target: "n1", asks: true})
	began := h.now()
	h.add(event{kind: ask, target: "n1", began: began, outcome: unavailable})
	end()
	revocation := h.begin(event{kind: revokeSession, target: "n1"})
	if r := h.record(); len(r.events) != 2 || r.events[1].outcome != underWay {
		t.Errorf("recorded %+v", r.events)
	}
	h.end(revocation, done, "", "")
	if r := h.record(); len(r.events) != 2 || r.events[1].outcome != done {
		t.Errorf("recorded %+v", r.events)
	}
	h.add(event{kind: signIn, target: "n1", session: "s1", began: h.now(), outcome: done})
	r := h.record()
	if len(r.events) != 3 || r.events[0].kind != ask || r.events[0].ended < began || r.events[2].ended < r.events[1].ended {
		t.Errorf("recorded %+v", r.events)
	}
	if len(r.excuses) != 1 || !r.excuses[0].covers(r.events[0]) || r.excuses[0].to == 0 {
		t.Errorf("excuses %+v", r.excuses)
	}
}
