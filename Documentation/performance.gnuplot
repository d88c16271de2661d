# SPDX-License-Identifier: GPL-2.0
# performance.svg from what make bench measured on two lanes:
#	gnuplot Documentation/performance.gnuplot
# Points are medians, bars reach from the minimum to the maximum of the rounds.

set terminal svg size 620,860 font "sans-serif,15" background "white" noenhanced
set output "Documentation/performance.svg"

data(lane, name) = sprintf("< awk -F '\t' -v OFS='\t' '" . \
	"$1 == \"series\" && $2 == \"%s\"' build/perf/%s.tsv", name, lane)
empty(lane) = real(system(sprintf("awk -F '\t' '" . \
	"$1 == \"series\" && $2 == \"empty ioctl\" { print $4 }' " . \
	"build/perf/%s.tsv", lane)))

set datafile separator "\t"
set logscale x 2
set xrange [0.7:6000]
set xtics (1, 16, 64, 256, 1024, 4096)
set yrange [0:*]
set grid ytics linecolor "#dddddd"
set border 3
set tics nomirror
set lmargin 9
set rmargin 3
set style data yerrorlines
set bars small
set linetype 1 linecolor "#b03a2e" linewidth 2 pointtype 7 pointsize 0.5
set linetype 2 linecolor "#1f618d" linewidth 2 pointtype 7 pointsize 0.5
set linetype 3 linecolor "#5dade2" linewidth 2 pointtype 7 pointsize 0.5
set linetype 4 linecolor "#888888" linewidth 2 pointtype 7 pointsize 0.5

# One above the other, with one key below both
set multiplot
set size 1,0.42
do for [lane in "um x86_64"] {
	unit = lane eq "um" ? "ns" : "instructions"
	set title lane . ": " . unit . " for one ioctl"
	set origin 0,(lane eq "um" ? 0.58 : 0.14)
	if (lane eq "um") { unset key; unset xlabel } else {
		set key at screen 0.5,0.12 center top samplen 2
		set xlabel "live windows on one iommufd, one MSI page each"
	}
	plot data(lane, "new page, windows") using 3:4:5:6 \
		linetype 1 title "new page, windows", \
	     data(lane, "known page, windows in turn") using 3:4:5:6 \
		linetype 2 title "known page, windows in turn", \
	     data(lane, "known page, one of the windows") using 3:4:5:6 \
		linetype 3 title "known page, one of the windows", \
	     empty(lane) with lines linetype 4 title "empty ioctl"
}
unset multiplot
