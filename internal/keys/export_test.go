package keys

// AtStep has fn called at each step of writing the keyring; an error from it
// ends the write there, as a kill would.
func AtStep(r *Ring, fn func(step string) error) { r.folder.at = fn }
