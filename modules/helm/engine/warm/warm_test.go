package warm

import "testing"

func TestChartRenders(t *testing.T) { Up() }
