package logbook

import "time"

// Pass lets real time run on.
func (b *Logbook) Pass(d time.Duration) { b.real.SetOffset(b.real.Offset() + d) }
