# SPDX-License-Identifier: GPL-2.0
#
# awk -v first=N -v table=FILE -f mutate.awk ADDED SOURCE > MUTATED
#
# Puts all mutants of one C file into one text. Each mutant is an expression that
# checks whether its number was selected at boot. If none was, the text behaves like
# SOURCE. ADDED lists the numbers of the lines to break. Writes a line for each mutant
# to FILE: number, line, function, rule and the text it breaks, separated by tabs.
#
# This knows no more C than it needs: statements that begin on a line of their
# own in a function, in the kernel's style. The rules are those of emit_if(),
# emit_return(), emit_statement(), expression() and condition(). Left out are
# assertions, declarations and loops' heads.

function die(text)
{
	print "mutate: " FILENAME ": " text > "/dev/stderr"
	exit 1
}

# Tokens: text in tok[], the blanks and comments before it in pre[], its line in at[]

function tokenize(text,    blanks, line, part)
{
	count = 0
	line = 1
	blanks = ""
	while (text != "") {
		if (match(text, /^[ \t\n\\]+/))
			;
		else if (substr(text, 1, 2) == "/*")
			RLENGTH = index(text, "*/") + 1
		else if (substr(text, 1, 2) == "//")
			RLENGTH = index(text, "\n")
		else if (substr(text, 1, 1) == "#" && blanks ~ /(^|\n)[ \t]*$/) {
			# A line of the preprocessor and those that continue it
			match(text, /^([^\\\n]|\\\n|\\.)*\n/)
		} else {
			if (!match(text, /^("([^"\\]|\\.)*"|'([^'\\]|\\.)*')/) &&
			    !match(text, /^[A-Za-z_0-9]+/) &&
			    !match(text, /^(->|\+\+|--|&&|\|\||[-+*\/%&|^=!<>]=|<<=?|>>=?|\.\.\.)/))
				RLENGTH = 1
			count++
			tok[count] = substr(text, 1, RLENGTH)
			pre[count] = blanks
			at[count] = line
			blanks = ""
			text = substr(text, RLENGTH + 1)
			continue
		}
		part = substr(text, 1, RLENGTH)
		blanks = blanks part
		line += gsub(/\n/, "\n", part)
		text = substr(text, RLENGTH + 1)
	}
	rest = blanks
}

# pair(i): where what opens at i closes
function pair(i,    depth)
{
	for (depth = 0; i <= count; i++) {
		if (tok[i] ~ /^[([{]$/)
			depth++
		else if (tok[i] ~ /^[])}]$/ && !--depth)
			return i
	}
	die("unbalanced " tok[i])
}

# find(from, to, pattern): the first such token outside of brackets, 0 if none
function find(from, to, pattern,    i)
{
	for (i = from; i <= to; i++) {
		if (tok[i] ~ pattern)
			return i
		if (tok[i] ~ /^[([{]$/)
			i = pair(i)
	}
	return 0
}

# find_last(from, to, pattern): the last such
function find_last(from, to, pattern,    i, last)
{
	for (i = from; (i = find(i, to, pattern)); i++)
		last = i
	return last + 0
}

function raw(from, to,    i, text)
{
	for (i = from; i <= to; i++)
		text = text pre[i] tok[i]
	return text
}

function plain(from, to,    text)
{
	text = tok[from] raw(from + 1, to)
	gsub(/[ \t\n]+/, " ", text)
	return text
}

# mutant(rule, from, to): its number, if one of these tokens is on an added line
function mutant(rule, from, to,    i, text)
{
	for (i = from; i <= to && !(at[i] in added); i++)
		;
	if (i > to)
		return 0
	text = name "\t" rule "\t" plain(from, to)
	if (seen[text]++)
		text = text " (" seen[text] ")"
	printf "%d\t%d\t%s\n", first, at[i], text > table
	return first++
}

function chosen(n)
{
	return "(sw_msi_mutant == " n ")"
}

# expression(from, to): + for -, another errno
function expression(from, to,    i, n, text)
{
	for (i = from; i <= to; i++) {
		if (tok[i] ~ /^[-+]$/ && i > from && tok[i - 1] ~ /^([A-Za-z_0-9]+|[])])$/ &&
		    tok[i - 1] !~ /^(return|case)$/ && (n = mutant("+ for -", i - 1, i + 1)))
			text = text pre[i] tok[i] " (" chosen(n) " ? -1 : 1) *"
		else if (tok[i] == "-" && tok[i + 1] ~ /^E[A-Z0-9]+$/ &&
			 (n = mutant("changed errno", i, i + 1))) {
			text = text pre[i] "(" chosen(n) " ? -E2BIG : -" tok[i + 1] ")"
			i++
		} else if (tok[i] == "(" && find(i + 1, pair(i) - 1, "^(&&|\\|\\||[<>]|[<>=!]=)$") &&
			   !find(i + 1, pair(i) - 1, "^,$")) {
			text = text pre[i] "(" condition(i + 1, pair(i) - 1) ")"
			i = pair(i)
		} else
			text = text pre[i] tok[i]
	}
	return text
}

# condition(from, to): && for ||, a relation off by one or turned around
function condition(from, to,    i, n, op, left, right)
{
	if (find(from, to, "^[?]$"))
		return expression(from, to)
	if ((i = find_last(from, to, "^\\|\\|$")) || (i = find_last(from, to, "^&&$"))) {
		left = condition(from, i - 1)
		right = condition(i + 1, to)
		n = mutant("&& for ||", i, i)
		if (!n)
			return left pre[i] tok[i] right
		# De Morgan: not (not a and not b)
		n = chosen(n)
		return "((" n " ^ !!(" left ")) " tok[i] " (" n " ^ !!(" right "))) ^ " n
	}
	if ((i = find(from, to, "^([<>]|[<>=!]=)$"))) {
		left = expression(from, i - 1)
		right = expression(i + 1, to)
		n = mutant("relation", from, to)
		if (!n)
			return left pre[i] tok[i] right
		op = tok[i] == "==" ? "!=" : tok[i] == "!=" ? "==" : \
		     tok[i] ~ /=/ ? substr(tok[i], 1, 1) : tok[i] "="
		return pre[from] "(" chosen(n) " ? (" left ") " op " (" right ") : (" \
			left ") " tok[i] " (" right "))"
	}
	if (tok[from] == "!")
		return pre[from] "!" condition(from + 1, to)
	return expression(from, to)
}

# compound(from, to): is a condition of more than one term or a relation
function compound(from, to)
{
	return find(from, to, "^(&&|\\|\\||[<>]|[<>=!]=|!)$")
}

function negated(from, to,    n, text)
{
	text = condition(from, to)
	# A single == or != has been turned around
	if (!find(from, to, "^(&&|\\|\\|)$") && find(from, to, "^[=!]=$"))
		return text
	n = mutant("negated condition", from, to)
	return n ? " (" chosen(n) " ^ !!(" text "))" : text
}

# emit_return(i, end): an error into success, a condition negated
function emit_return(i, end,    n, text)
{
	if (end == i + 1)
		return raw(i, end)
	if (tok[i + 1] ~ /^(true|false)$/ && end == i + 2)
		text = negated(i + 1, end - 1)
	else if (compound(i + 1, end - 1))
		text = negated(i + 1, end - 1)
	else {
		text = expression(i + 1, end - 1)
		if (tok[i + 1] != "0" && (n = mutant("error into success", i, end - 1)))
			text = " " chosen(n) " ? (typeof(" text ")){ 0 } : (" text ")"
	}
	return pre[i] "return" text pre[end] ";"
}

# emit_statement(i, end): a call or an assignment dropped, a jump left out
function emit_statement(i, end,    n, eq, text, rule)
{
	if (tok[i] == "goto")
		rule = "goto left out"
	else if (tok[i] == "break")
		rule = switched ? "break left out" : "continue for break"
	else if (tok[i] == "continue")
		rule = "continue left out"
	else if (tok[i] ~ /^(lockdep_assert_held|static_assert|LIST_HEAD|XA_STATE|EXPORT_SYMBOL.*)$/)
		return raw(i, end)
	else if (tok[i] == "guard") {
		n = mutant("unlocked", i, end - 1)
		eq = pair(i + 1) + 1
		return n ? raw(i, eq) chosen(n) " ? &sw_msi_mutant_lock : " \
			raw(eq + 1, end) : raw(i, end)
	} else if (tok[i] ~ /^[a-zA-Z_][a-zA-Z_0-9]*$/ && tok[i + 1] == "(" && pair(i + 1) == end - 1)
		rule = "dropped call"
	else if ((eq = find(i, end, "^([-+*/%&|^]|<<|>>)?=$")) && is_lvalue(i, eq - 1))
		rule = "dropped assignment"
	else if (find(i, end, "^(\\+\\+|--)$") && is_lvalue(i, end - 2))
		rule = "dropped assignment"
	else if (eq && compound(eq + 1, end - 1))
		return raw(i, eq) condition(eq + 1, end - 1) pre[end] ";"
	else
		return eq ? raw(i, eq) expression(eq + 1, end) : raw(i, end)

	if (eq)
		text = raw(i, eq) (compound(eq + 1, end - 1) ? condition(eq + 1, end - 1) : \
				   expression(eq + 1, end - 1)) ";"
	else
		text = rule == "dropped call" ? expression(i, end) : raw(i, end)
	n = mutant(rule, i, end - 1)
	if (!n)
		return text
	if (rule == "continue for break")
		return pre[i] "{ if (" chosen(n) ") continue; break; }"
	return pre[i] "{ if (!" chosen(n) ") " substr(text, length(pre[i]) + 1) " }"
}

function is_lvalue(from, to,    i)
{
	for (i = from; i <= to; i++) {
		if (tok[i] ~ /^[([]$/)
			i = pair(i)
		else if (i > from && tok[i] ~ /^[A-Za-z_]/ && tok[i - 1] !~ /^(->|\.|\*)$/)
			return 0
		else if (i > from && tok[i] == "*")
			return 0
	}
	return 1
}

# body(i, end): the statements between two braces
function body(i, end,    j, text)
{
	while (i <= end) {
		if (tok[i] == "if") {
			j = pair(i + 1)
			text = text raw(i, i + 1) negated(i + 2, j - 1) raw(j, j)
			i = j + 1
		} else if (tok[i] ~ /^(\{|\}|else|do)$/) {
			text = text raw(i, i)
			i++
		} else if (tok[i] ~ /^(case|default)$/ || tok[i + 1] == ":") {
			j = find(i, end, "^:$")
			text = text raw(i, j)
			i = j + 1
		} else if (tok[i] == "switch") {
			j = pair(i + 1) + 1
			text = text raw(i, j)
			i = j + 1
			j = pair(j)
			switched++
			text = text body(i, j - 1)
			switched--
			i = j
		} else if (tok[i] ~ /^(for|while|scoped_guard|.*for_each.*)$/) {
			j = pair(i + 1)
			text = text raw(i, j)
			i = j + 1
		} else {
			j = find(i, end, "^;$")
			if (!j)
				die("no end of " plain(i, i + 5))
			text = text (tok[i] == "return" ? emit_return(i, j) : emit_statement(i, j))
			i = j + 1
		}
	}
	return text
}

FNR == NR {
	added[$1]
	next
}

{ source = source $0 "\n" }

END {
	printf "" > table
	tokenize(source)
	print "extern int sw_msi_mutant; struct mutex; extern struct mutex sw_msi_mutant_lock;"
	for (i = 1; i <= count; i++) {
		if (tok[i] == "{" && (tok[i - 1] == ")")) {
			# A function: its name is before its parameters
			for (j = i - 1; !(tok[j] == "(" && pair(j) == i - 1); j--)
				;
			name = tok[j - 1]
			text = text raw(i, i) body(i + 1, pair(i) - 1)
			i = pair(i) - 1
		} else if (tok[i] == "{") {
			text = text raw(i, pair(i))
			i = pair(i)
		} else
			text = text raw(i, i)
	}
	printf "%s%s", text, rest
}
