package app

import (
	"fmt"
	"slices"
	"time"

	"strongroom"
	"strongroom/internal/people"
)

// TrainingConfig says which trainings and pledges are current, and who may record a
// training (DPP 2.1.6, 3.2.13, 2.2.7). A version that is raised makes everybody
// untrained until it is recorded anew; one that is empty takes any.
type TrainingConfig struct {
	DataProtection  string `yaml:"data_protection,omitempty"`
	ITSecurity      string `yaml:"it_security,omitempty"`
	Confidentiality string `yaml:"confidentiality,omitempty"`
	AcceptableUse   string `yaml:"acceptable_use,omitempty"`
	// Life is how many days a training is current, 365 if zero (ours), 730 at most.
	Life int `yaml:"life,omitempty"`
	// RecordedBy is self, another or service; default another, in a test instance self.
	RecordedBy string `yaml:"recorded_by,omitempty"`
}

// maxTrainingLife bounds how long a training may be current, in days.
const maxTrainingLife = 730

func (t TrainingConfig) versions() map[people.Kind]string {
	return map[people.Kind]string{
		people.DataProtection: t.DataProtection, people.ITSecurity: t.ITSecurity,
		people.Confidentiality: t.Confidentiality, people.AcceptableUse: t.AcceptableUse,
	}
}

func (t TrainingConfig) life() time.Duration { return time.Duration(t.Life) * 24 * time.Hour }

func (t TrainingConfig) recorder(env strongroom.Environment) people.Recorder {
	switch {
	case t.RecordedBy != "":
		return people.Recorder(t.RecordedBy)
	case env == strongroom.Test:
		return people.BySelf
	}
	return people.ByAnother
}

func (t TrainingConfig) check() error {
	for kind, v := range t.versions() {
		if v != "" && strongroom.CheckName("version", v) != nil {
			return strongroom.Faultf(strongroom.Invalid, "training", "the version of %s in training is no name", kind).
				Advise("write it such as 2026-1")
		}
	}
	if t.Life < 0 || t.Life > maxTrainingLife {
		return strongroom.Faultf(strongroom.Invalid, "training", "training.life lies between 1 and %d days", maxTrainingLife)
	}
	if t.RecordedBy != "" && !slices.Contains(people.Recorders(), people.Recorder(t.RecordedBy)) {
		return strongroom.Faultf(strongroom.Invalid, "training", "training.recorded_by must be one of %v", people.Recorders())
	}
	return nil
}

// examineTraining says whether the configuration names what is current: without it a
// training of years ago counts as long as it was recorded lately.
func (c *Config) examineTraining() Finding {
	versions := c.Training.versions()
	missing := 0
	for _, v := range versions {
		if v == "" {
			missing++
		}
	}
	x := Finding{Check: "versions of trainings", State: OK, Found: fmt.Sprintf("all are configured, recorded by %s", c.Training.recorder(c.Environment))}
	if missing > 0 {
		x.State, x.Found = Warn, fmt.Sprintf("of %d trainings and pledges %d have no current version, so any counts", len(versions), missing)
		x.Advice = "set training.data_protection, it_security, confidentiality and acceptable_use in the configuration"
	}
	return x
}
