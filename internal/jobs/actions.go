package jobs

import "strongroom"

// jobRun is starting a job by hand and looking at jobs: OCSF Scheduled Job
// Activity (1006), Start.
var jobRun = strongroom.Action{Name: "job.run", Class: 1006, Activity: 6}

// Actions returns the table of this package's actions.
func Actions() []strongroom.Action { return []strongroom.Action{jobRun} }
