package feel_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rapport/internal/feel"
)

func TestTemporal_Conversions(t *testing.T) {
	t.Parallel()
	check(t,
		`date("2017-12-31")`, `@"2017-12-31"`, `date("-999999999-12-31")`, `@"-999999999-12-31"`,
		`date(2020, 2, 29)`, `@"2020-02-29"`, `date(@"2020-01-01T23:00:00-05:00")`, `@"2020-01-01"`,
		`time("10:11:12.345+05:30:15")`, `@"10:11:12.345+05:30:15"`, `time(10, 11, 12.5, @"-PT1H")`, `@"10:11:12.5-01:00"`,
		`time(date("2020-01-01"))`, `@"00:00:00Z"`, `time("24:00:00")`, `@"00:00:00"`,
		`date and time("2020-01-01")`, `@"2020-01-01T00:00:00"`, `date and time("2020-12-31T24:00:00")`, `@"2021-01-01T00:00:00"`,
		`date and time(@"2020-01-01", @"10:00:00@Europe/Paris")`, `@"2020-01-01T10:00:00@Europe/Paris"`,
		`date and time(2020, 1, 2, 3, 4, 5)`, `@"2020-01-02T03:04:05"`,
		`date and time(2020, 1, 2, 3, 4, 5, "Europe/Paris")`, `@"2020-01-02T03:04:05@Europe/Paris"`,
		`date and time(2020, 1, 2, 3, 4, 5, -3.5)`, `@"2020-01-02T03:04:05-03:30"`,
		`duration("P1DT36H")`, `@"P2DT12H"`, `duration("-P100M")`, `@"-P8Y4M"`, `duration("PT0S")`, `@"PT0S"`, `duration("P0Y")`, `@"P0M"`,
		`duration("-PT1.5S")`, `@"-PT1.5S"`, `string(@"10:00:00.100Z")`, `"10:00:00.1Z"`,
		`years and months duration(date("2016-01-30"), date("2017-02-28"))`, `@"P1Y"`,
		`years and months duration(date("2020-03-31"), date("2020-02-29"))`, `@"-P1M"`,
		`now()`, `@"2026-01-02T03:04:05+01:00"`, `today()`, `@"2026-01-02"`,
	)
	checkNull(t, feel.CodeValue, `date("2017-02-29")`, `date("998-12-31")`, `date("01211-12-31")`, `date("+2012-12-02")`,
		`time("25:00:00")`, `time("23:59:60")`, `time("7:00:00")`, `time("10:00:00+19:00")`, `time("10:00:00@Nowhere/Town")`,
		`time(24, 0, 0)`, `date and time("2011-12-03T10:15:30+01:00@Europe/Paris")`, `duration("P1H")`, `duration("P")`,
		`duration("P1DT")`, `duration("P1Y1D")`, `date(1000000000, 1, 1)`, `@"foo"`)
}

func TestTemporal_Arithmetic(t *testing.T) {
	t.Parallel()
	check(t,
		`@"2020-01-31" + @"P1M"`, `@"2020-02-29"`, `@"2021-01-02" - @"PT1S"`, `@"2021-01-01"`, `@"2021-01-01" + @"PT36H"`, `@"2021-01-02"`,
		`@"P1M" + @"2020-12-15T10:00:00Z"`, `@"2021-01-15T10:00:00Z"`, `@"23:30:00" + @"PT1H"`, `@"00:30:00"`,
		`@"00:30:00" - @"PT25H"`, `@"23:30:00"`, `@"10:00:00+01:00" - @"10:00:00Z"`, `@"-PT1H"`,
		`@"2021-01-02" - @"2021-01-01T10:10:10+11:00"`, `@"P1DT49M50S"`, `@"P1Y11M" * -2.5`, `@"-P4Y9M"`,
		`@"P1D" / 0.7`, `@"P1DT10H17M8.571428571S"`, `@"P10D" / @"P4D"`, `2.5`, `-@"P1Y"`, `@"-P1Y"`,
		`@"PT0.6S" + @"PT0.6S"`, `@"PT1.2S"`, `@"2021-03-28T01:30:00@Europe/Paris" + @"PT24H"`, `@"2021-03-29T01:30:00@Europe/Paris"`,
		`@"2021-03-29T00:00:00@Europe/Paris" - @"2021-03-28T00:00:00@Europe/Paris"`, `@"PT23H"`,
		`@"2021-03-28" > @"2021-03-27"`, `true`, `@"2020-01-01T00:00:00Z" = @"2020-01-01T01:00:00+01:00"`, `true`,
		`@"10:00:00.1" = @"10:00:00.2"`, `true`, `@"10:00:00.1" < @"10:00:00.2"`, `true`, `@"P1Y" = @"P12M"`, `true`,
	)
	checkNull(t, feel.CodeType, `@"2021-01-01" + @"2021-01-01"`, `@"P1Y" + @"P1D"`, `1 + @"P1D"`, `@"10:00:00" - @"2020-01-01"`,
		`@"2020-01-01T00:00:00" - @"2020-01-01T00:00:00Z"`, `@"2020-01-01T00:00:00" < @"2020-01-01T00:00:00Z"`, `@"P1Y" = @"P365D"`)
	checkNull(t, feel.CodeValue, `@"999999999-12-31" + @"P1D"`, `@"-999999999-01-01" - @"P1M"`, `@"P1D" / 0`)
}

func TestTemporal_Properties(t *testing.T) {
	t.Parallel()
	check(t,
		`@"2018-12-10".weekday`, `1`, `@"2018-12-09T10:30:01.9".weekday`, `7`, `@"2018-12-10T10:30:01.9".second`, `1`,
		`@"2021-07-01T10:00:00@Europe/Paris".time offset`, `@"PT2H"`, `@"10:00:00@Europe/Paris".timezone`, `"Europe/Paris"`,
		`@"10:00:00".time offset`, `null`, `@"-P1Y2M".months`, `-2`, `@"-P1DT1.5S".seconds`, `-1`, `@"P1DT25H".days`, `2`,
		`day of year(@"2020-12-31")`, `366`, `day of week(@"-0001-01-01")`, `"Friday"`, `month of year(@"2020-02-01")`, `"February"`,
		`week of year(@"2005-01-01")`, `53`, `week of year(@"2003-12-29T00:00:00")`, `1`,
		`[1..3].start included`, `true`, `(< 5).end`, `5`,
	)
	checkNull(t, feel.CodeUnknown, `@"P1Y".days`, `@"2020-01-01".foo`, `@"2020-01-01".hour`, `"a".length`)
}

func TestTemporal_CivilDaysAgreeWithGo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sec := rapid.Int64Range(-62_135_596_800, 253_402_300_799).Draw(t, "seconds")
		want := time.Unix(sec, 0).UTC()
		v := feel.FromTime(want)
		if got, ok := v.AsTime(); !ok || !got.Equal(want) {
			t.Fatalf("%s became %s", want, got)
		}
		if v.String() != want.Format("2006-01-02T15:04:05")+"Z" {
			t.Fatalf("%s is written %s", want, v)
		}
		back, ok := feel.ParseTemporal(v.String())
		if !ok || !feel.Same(back, v) {
			t.Fatalf("%s is read as %s", v, back)
		}
	})
}

func TestTemporal_DurationsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := feel.DaysTimeOf(rapid.Int64Range(-1<<50, 1<<50).Draw(t, "s"), rapid.Int32Range(0, 999_999_999).Draw(t, "n"))
		if rapid.Bool().Draw(t, "months") {
			v = feel.YearsMonthsOf(rapid.Int64Range(-1<<50, 1<<50).Draw(t, "m"))
		}
		back, ok := feel.ParseTemporal(v.String())
		if !ok || !feel.Equal(v, back).IsTrue() {
			t.Fatalf("%s is read as %s", v, back)
		}
	})
}

func TestFromTime_KeepsTheZone(t *testing.T) {
	t.Parallel()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip("no time zones here")
	}
	if v := feel.FromTime(time.Date(2021, 7, 1, 12, 0, 0, 5, paris)); v.String() != "2021-07-01T12:00:00.000000005@Europe/Paris" {
		t.Error(v)
	}
	if v := feel.FromTime(time.Date(2021, 7, 1, 12, 0, 0, 0, time.FixedZone("", 3600))); v.String() != "2021-07-01T12:00:00+01:00" {
		t.Error(v)
	}
}
