package vault

// FaultCode returns the code of an error.
func FaultCode(err error) string { return faultCode(err) }
