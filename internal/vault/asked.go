package vault

import (
	"strongroom"
	"strongroom/internal/guard"
)

// asked is what a reveal has been checked to be for.
type asked struct {
	purpose   strongroom.Purpose
	reference string
	caseID    string // the case the reference names, if the purpose needs one
	log       string // the reference as the log may hold it
	hash      hash   // the same
}

// checkAsked reads purpose and reference before anything is loaded.
func (v *Vault) checkAsked(p strongroom.Purpose, reference string) (asked, error) {
	purpose, err := strongroom.ParsePurpose(string(p))
	if err != nil {
		return asked{}, err
	}
	if err := checkLabel("reference", reference); err != nil {
		return asked{}, err
	}
	a := asked{purpose: purpose, reference: reference}
	if a.needsCase() && strongroom.IsID("cas", reference) {
		a.caseID = reference
	}
	a.log, a.hash, err = v.logged("reference", reference)
	return a, err
}

// needsCase tells the purposes that open nothing without an open case.
func (a *asked) needsCase() bool {
	return a.purpose == strongroom.LegalDuty || a.purpose == strongroom.SubjectRequest
}

// noteCase names the case in the event of the decision, whatever comes of it.
func (a *asked) noteCase(view *guard.View) {
	if a.caseID != "" {
		view.Note("case", a.caseID)
	}
}

// caseOpen demands an open case where the purpose needs one. It asks in the
// recording transaction, so that a case that was closed first opens nothing.
func (v *Vault) caseOpen(tx *guard.Tx, a *asked, store string) error {
	switch {
	case !a.needsCase():
		return nil
	case v.cases == nil || a.caseID == "":
		return strongroom.Faultf(strongroom.Denied, "case", "this purpose needs an open case and the reference names none").
			Advise("open the case first and give its id as reference")
	}
	return v.cases.CheckOpen(&tx.Reader, tx.Now(), a.caseID, a.purpose, store)
}

// CheckPurpose reads what a disclosure is for as a reveal does, and returns the reference
// as the log may hold it. Faults: Invalid.
func (v *Vault) CheckPurpose(p strongroom.Purpose, reference string) (logged string, err error) {
	a, err := v.checkAsked(p, reference)
	return a.log, err
}

// CheckCaseTx demands an open case where the purpose needs one, as a reveal does, in the
// transaction that records why. Faults: those of [Vault.CheckPurpose], Denied.
func (v *Vault) CheckCaseTx(tx *guard.Tx, p strongroom.Purpose, reference, store string) error {
	a, err := v.checkAsked(p, reference)
	if err != nil {
		return err
	}
	return v.caseOpen(tx, &a, store)
}
