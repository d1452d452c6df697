# Canaries.pm -- for test/t/064_canaries.pl: values that nobody may see, where they are planted,
# statements made by chance that try to see them, and a search for them in any form.
package Canaries;

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use MIME::Base64 qw(encode_base64);

# ---- by chance ----

sub pick { return $_[ int(rand(@_)) ]; }
sub chance { return rand() < $_[0]; }

# weighted(WEIGHT => VALUE, ...)
sub weighted
{
	my @pairs = @_;
	my $sum = 0;

	for (my $i = 0; $i < @pairs; $i += 2) { $sum += $pairs[$i]; }
	my $at = rand($sum);
	for (my $i = 0; $i < @pairs; $i += 2)
	{
		return $pairs[ $i + 1 ] if ($at -= $pairs[$i]) < 0;
	}
	return $pairs[-1];
}

# ---- where they are planted ----

#
# Columns: name, type, kind: open (not classified), plain (classified), masked (with a mask
# that leaves a few letters), encrypted, searchable.  Of people who do not permit the purpose
# the open ones are canaries, too, where that says so.
#
my @tables = (
	{ name => 'person', shown => 36, hidden => 24, columns => [
		[ 'id', 'bigint', 'open' ], [ 'n', 'int', 'open' ], [ 'city', 'text', 'open', 'canary' ], [ 'vip', 'boolean', 'open' ],
		[ 'name', 'text', 'masked' ], [ 'email', 'text', 'plain' ], [ 'income', 'numeric', 'plain' ], [ 'account', 'bigint', 'plain' ],
		[ 'born', 'date', 'plain' ], [ 'profile', 'jsonb', 'masked' ], [ 'secret', 'text', 'searchable' ], [ 'salary', 'numeric', 'encrypted' ],
		[ 'ssn', 'bigint', 'searchable' ], [ 'due', 'date', 'encrypted' ], [ 'notes', 'jsonb', 'encrypted' ] ] },
	{ name => 'purchase', shown => 48, hidden => 24, columns => [
		[ 'id', 'int', 'open' ], [ 'person_id', 'bigint', 'open' ], [ 'n', 'int', 'open' ], [ 'label', 'text', 'open', 'canary' ],
		[ 'memo', 'text', 'masked' ], [ 'amount', 'numeric', 'masked' ], [ 'ref', 'text', 'searchable' ] ] },
	{ name => 'visit', shown => 36, hidden => 20, columns => [
		[ 'person_id', 'bigint', 'open' ], [ 'n', 'int', 'open' ], [ 'place', 'text', 'open', 'canary' ], [ 'note', 'text', 'plain' ] ] });

my %masks = (name => q(left(value, 3) || '***'), memo => q(left(value, 3) || '***'), profile => q('{"masked": true}'::jsonb), amount => 'round(value, -14)');

# what the tables are defined with, beside their columns
my %definitions = (
	person => 'PRIMARY KEY (id), UNIQUE (email), CHECK (income > 0), EXCLUDE (account WITH =), CHECK (length(name) < 60)',
	purchase => 'PRIMARY KEY (id), FOREIGN KEY (person_id) REFERENCES person, CHECK (length(memo) > 3), CHECK (amount > 0)',
	visit => 'CHECK (length(note) > 3)');

my $people = 36;    # of them permit the purpose

# new(SEED): canaries, and what the generator needs
sub new
{
	my ($class, $seed) = @_;
	my $self = bless { seed => $seed, canaries => {}, planted => 0 }, $class;

	srand($seed);
	$self->{made} = 0;
	return $self;
}

# a new canary, as SQL; it is one of those that are looked for
sub canary
{
	my ($self, $type) = @_;
	my $id = md5_hex("$self->{seed} " . $self->{planted}++);
	my $digits = join('', map { hex($_) % 10 } split //, substr($id, 0, 13));
	my $text = 'canary-' . substr($id, 0, 16);

	if ($type eq 'bigint' || $type eq 'numeric')
	{
		my $number = ($type eq 'bigint' ? '73' : '74') . $digits;

		$self->remember($number, $number);
		return $type eq 'bigint' ? $number : "$number.25";
	}
	if ($type eq 'date')
	{
		my $year = $self->{planted} % 2 ? 200000 + hex(substr($id, 0, 8)) % 90000 : 3000000 + hex(substr($id, 0, 8)) % 2000000;
		my $date = sprintf('%d-%02d-%02d', $year, 1 + hex(substr($id, 8, 2)) % 12, 1 + hex(substr($id, 10, 2)) % 28);

		$self->remember($date, $date);
		return "'$date'";
	}
	$self->remember(substr($id, 0, 16), $text);
	return $type eq 'jsonb' ? qq('{"$text": "$text", "a": [1, "$text"]}') : "'$text'";
}

sub remember
{
	my ($self, $form, $text) = @_;
	my $reversed = reverse $form;

	$self->{canaries}{$text} = 1;
	$self->{forms}{$form} = $text;
	$self->{forms}{$reversed} = $text;
	# written in hex, as bytea is shown, too
	$self->{forms}{ unpack('H*', $form) } = $text;
	# base64, whatever stands before it
	foreach my $before (0 .. 2)
	{
		my $encoded = encode_base64(('x' x $before) . $form, '');
		my $from = $before == 0 ? 0 : 4;

		$self->{forms}{ lc substr($encoded, $from, 12) } = $text;
	}
}

# The statements that plant them.
sub plant
{
	my ($self) = @_;
	my $sql = '';

	foreach my $table (@tables)
	{
		my @rows;

		foreach my $i (1 .. $table->{shown} + $table->{hidden})
		{
			my $hidden = $i > $table->{shown};
			my $person = $hidden ? $people + 1 + ($i - $table->{shown} - 1) % 24 : 1 + ($i - 1) % $people;

			push @rows, '(' . join(', ', map {
				my ($name, $type, $kind, $canary) = @$_;
				$name eq 'id' ? $i : $name eq 'person_id' ? $person : $name eq 'n' ? ($hidden ? 100 + $i : $i) : $name eq 'vip' ? ($i % 2 ? 'true' : 'false')
				  : $kind eq 'open' && !($hidden && $canary) ? "'town " . $i % 3 . "'" : $self->canary($type)
			} @{ $table->{columns} }) . ')';
		}
		$sql .= "INSERT INTO $table->{name} VALUES\n" . join(",\n", @rows) . ";\n";
	}
	# twice there, so that it is not unique
	return $sql . q(INSERT INTO visit SELECT person_id, n + 1, place, note FROM visit WHERE n IN (3, 4, 103););
}

# statements: the tables, before and after they are protected
sub tables
{
	return join('', map {
		my $table = $_;
		"CREATE TABLE $table->{name} (" . join(', ', (map { "$_->[0] $_->[1]" } @{ $table->{columns} }), $definitions{ $table->{name} }) . ')' . ($table->{name} eq 'visit' ? ' PARTITION BY RANGE (n)' : '') . ";\n"
	} @tables) . <<'SQL';
CREATE TABLE visit_low PARTITION OF visit FOR VALUES FROM (MINVALUE) TO (20);
CREATE TABLE visit_high PARTITION OF visit FOR VALUES FROM (20) TO (1000);
CREATE TABLE other (n int, name text);
INSERT INTO other SELECT g, 'town ' || g % 3 FROM generate_series(1, 80) g;
CREATE TABLE scratch (n int UNIQUE, t text, x numeric, d date, j jsonb);
SQL
}

sub classify
{
	my $sql = '';

	foreach my $table (@tables)
	{
		foreach my $column (@{ $table->{columns} })
		{
			my ($name, $type, $kind) = @$column;
			my $category = $name =~ /^[a-m]/ ? 'bird.a' : 'bird.b';

			$sql .= "SELECT privseg.classify('$table->{name}', '$name', '$category');\n" if $kind eq 'plain';
			$sql .= "SELECT privseg.classify('$table->{name}', '$name', '$category', \$mask\$$masks{$name}\$mask\$);\n" if $kind eq 'masked';
			$sql .= "SELECT privseg.encrypt_column('$table->{name}', '$name', '$category', " . ($kind eq 'searchable' ? 'true' : 'false') . ");\n" if $kind =~ /^(encrypted|searchable)$/;
		}
	}
	return $sql;
}

# ---- looking for them ----

# seen(TEXT): the canaries in it, in whatever form
sub seen
{
	my ($self, $text) = @_;
	my %seen;
	my $low = lc $text;

	# whatever begins as one: no statement does, and no mask shows as much
	$seen{$1} = 1 while $low =~ /(canary-[0-9a-f]*)/g;
	$seen{"$1 (reversed)"} = 1 while $low =~ /([0-9a-f]*-yranac)/g;
	$seen{"$1 (in hex)"} = 1 while $low =~ /(63616e6172792d(?:[0-9a-f]{2})*)/g;
	while ($low =~ /(\d{6,7}-\d\d-\d\d)/g)
	{
		$seen{ $self->{forms}{$1} } = 1 if $self->{forms}{$1};
	}
	# letter by letter
	(my $packed = $low) =~ s/[\s,;|"'{}()\\]+//g;
	$seen{"$1 (in pieces)"} = 1 if !%seen && $packed =~ /(canary-[0-9a-f]+)/;
	while ($low =~ /([0-9a-z+\/.]{12,})/g)
	{
		my $run = $1;

		foreach my $length (12, 15, 16, 30, 32)
		{
			for (my $i = 0; $i + $length <= length $run; $i++)
			{
				my $found = $self->{forms}{ substr($run, $i, $length) };

				$seen{$found} = 1 if $found;
			}
		}
	}
	my @found = sort keys %seen;
	return @found;
}

# ---- statements ----

#
# roles: what they are cleared for; the generator asks for the rest, too, but not in most
# statements, so that most come to be run
#
our %roles = (
	uncleared => {},
	masked => { see => 1, filter => 1, aggregate => 1, uses => 'mask' },
	filtering => { filter => 1, uses => 'filter' },
	writing => { write => 1, uses => 'write' },
	aggregating => { aggregate => 1, uses => 'aggregate' },
	grouped => { groups => 1 },
	owner => { owns => 1 },
	bypass => { bypasses => 1 });

my %columns_of = map { my $table = $_; $table->{name} => [ map { { name => $_->[0], type => $_->[1], kind => $_->[2] } } @{ $table->{columns} } ] } @tables;
$columns_of{other} = [ { name => 'n', type => 'int', kind => 'open' }, { name => 'name', type => 'text', kind => 'open' } ];
$columns_of{$_} = $columns_of{person} foreach qw(person_view person_super person_invoker person_barrier person_function() person_plpgsql());
$columns_of{$_} = $columns_of{purchase} foreach qw(purchase_view purchase_function());
$columns_of{$_} = $columns_of{visit} foreach qw(visit_low visit_high);
my @sources = (('person') x 5, ('purchase') x 3, 'visit', 'visit', 'visit_low', 'person_view', 'person_super', 'person_invoker', 'person_barrier', 'person_function()', 'person_plpgsql()', 'purchase_view', 'purchase_function()', 'other');
my @types = qw(text text int numeric bigint date jsonb boolean);
my %literal = (text => q('town 1'), int => '3', numeric => '12.5', bigint => '7', date => q('2024-02-29'::date), jsonb => q('{"a": 1}'::jsonb), boolean => 'true');

# may it be asked for a classified column, for this use?
sub dares
{
	my ($self, $use) = @_;

	return chance(0.65) if $self->{role}{$use} || $use eq 'hand';
	return $self->{daring} && chance(0.5);
}

# a column in scope, cast to what it is opened to; undef: none of the type
sub column
{
	my ($self, $scope, $type, $use) = @_;
	my @fit = grep { $_->{type} eq $type } @$scope;
	my @closed = grep { $_->{kind} ne 'open' } @fit;
	my @open = grep { $_->{kind} eq 'open' } @fit;
	my $column;

	if (@closed && $self->dares($use)) { $column = pick(@closed); $self->{touched} = 1; }
	elsif (@open) { $column = pick(@open); }
	else { return undef; }
	return $column->{ref} if $column->{kind} !~ /^(encrypted|searchable)$/ || chance(0.1);
	return "$column->{ref}::$type";
}

sub any_column
{
	my ($self, $scope, $use) = @_;
	my $type = pick(@types);

	return ($self->column($scope, $type, $use) // $literal{$type}, $type);
}

# where there is no column of the type: something made of one that is not classified
sub derived
{
	my ($scope, $type) = @_;
	my @open = grep { $_->{kind} eq 'open' && $_->{type} =~ /^(text|int)$/ } @$scope;

	return $literal{$type} if !@open || chance(0.3);
	my $column = pick(@open);
	my $number = $column->{type} eq 'int' ? $column->{ref} : "length($column->{ref})";
	return {
		text => "$column->{ref}::text", int => $number, numeric => "$number\::numeric", bigint => "$number\::bigint",
		date => "('2024-02-29'::date + $number)", jsonb => "to_jsonb($column->{ref})", boolean => "($number > 4)" }->{$type};
}

# a whole row
sub row
{
	my ($self, $scope, $use) = @_;
	my @open = grep { $_->{whole} && $_->{kind} eq 'open' } @$scope;
	my @all = grep { $_->{whole} } @$scope;

	if (@all && $self->dares($use)) { $self->{touched} = 1; return pick(@all)->{whole}; }
	return @open ? pick(@open)->{whole} : undef;
}

# expr(SCOPE, TYPE, USE, DEPTH)
sub expr
{
	my ($self, $scope, $type, $use, $depth) = @_;
	my $sub = sub { return $self->expr($scope, $_[0], $use, $depth - 1); };
	my $column = $self->column($scope, $type, $use);

	return $column // derived($scope, $type) if $depth <= 0 || chance(0.35);
	# of every type
	if (chance(0.25))
	{
		return weighted(
			4 => sub { my ($x, $y) = ($sub->($type), $sub->($type)); "CASE WHEN " . $sub->('boolean') . " THEN $x ELSE $y END" },
			4 => sub { 'COALESCE(' . $sub->($type) . ', ' . $sub->($type) . ')' },
			2 => sub { 'NULLIF(' . $sub->($type) . ', ' . $sub->($type) . ')' },
			5 => sub { pick(qw(spy spy_volatile spy_sql spy_costly)) . '(' . $sub->($type) . ')' },
			($self->{role}{groups} ? 0 : 4) => sub { "(SELECT " . ($self->chosen_column($scope, $type, $use)) . ')' },
			2 => sub { pick('GREATEST', 'LEAST') . '(' . ($type eq 'jsonb' ? "$literal{jsonb}" : $sub->($type)) . ', ' . $sub->($type) . ')' },
			2 => sub { '(ARRAY[' . $sub->($type) . ', ' . $sub->($type) . '])[1]' },
			1 => sub { "(SELECT q.f1 FROM (SELECT " . $sub->($type) . " AS f1) q)" },
			2 => sub { $self->subquery_value($scope, $type, $use, $depth) },
			1 => sub { my $x = $sub->($type); "(SELECT x FROM unnest(ARRAY[$x]) x LIMIT 1)" })->();
	}
	my %of = (
		text => [
			6 => sub { my ($c) = $self->any_column($scope, $use); "($c)::text" },
			2 => sub { pick(qw(lower upper reverse initcap trim quote_literal md5)) . '(' . $sub->('text') . ')' },
			2 => sub { 'left(' . $sub->('text') . ', 25)' },
			2 => sub { 'substr(' . $sub->('text') . ', ' . pick(1, 2, 8) . ')' },
			2 => sub { $sub->('text') . " || '/' || " . $sub->('text') },
			2 => sub { my ($c) = $self->any_column($scope, $use); "format('%s %s', " . $sub->('text') . ", $c)" },
			1 => sub { my ($c) = $self->any_column($scope, $use); "concat_ws('-', $c, " . $sub->('text') . ')' },
			1 => sub { 'encode(convert_to(' . $sub->('text') . ", 'UTF8'), '" . pick(qw(hex base64 escape)) . "')" },
			1 => sub { my ($c) = $self->any_column($scope, $use); "ROW($c, " . $sub->('text') . ')::text' },
			1 => sub { my ($c) = $self->any_column($scope, $use); "ARRAY[($c)::text, " . $sub->('text') . ']::text' },
			3 => sub { my $r = $self->row($scope, $use); $r ? pick("$r\::text", "to_json($r)::text", "row_to_json($r)::text", "to_jsonb($r)::text", "format('%s', $r)", "xmlelement(name e, $r)::text") : $sub->('text') },
			2 => sub { $sub->('jsonb') . q( ->> 'a') },
			1 => sub { my ($c) = $self->any_column($scope, $use); "xmlforest($c AS f)::text" },
			1 => sub { "translate(" . $sub->('text') . ", 'abc', 'abc')" },
			1 => sub { "regexp_replace(" . $sub->('text') . ", '^c', 'c')" },
			1 => sub { "split_part(" . $sub->('text') . ", '-', 2)" },
			1 => sub { "(" . $sub->('text') . ")::loud" },
			1 => sub { "string_to_array(" . $sub->('text') . ", NULL)::text" }, ],
		int => [
			5 => sub { 'length(' . $sub->('text') . ')' },
			4 => sub { $column // '4' },
			2 => sub { $sub->('int') . ' + 1' },
			2 => sub { '(' . $sub->('numeric') . ' > 5)::int' },
			1 => sub { 'position(' . q('a' IN ) . $sub->('text') . ')' },
			1 => sub { '100 / (' . $sub->('int') . ' + 1000)' },
			($self->{raises} ? 2 : 0) => sub { '(' . $sub->('text') . ')::int' },
			1 => sub { 'hashtext(' . $sub->('text') . ')' }, ],
		numeric => [
			6 => sub { $column // '5.5' },
			2 => sub { '(' . $sub->('bigint') . ')::numeric' },
			2 => sub { pick(qw(abs round trunc)) . '(' . $sub->('numeric') . ')' },
			2 => sub { $sub->('numeric') . pick(' + 0', ' * 1', ' - 0.25') },
			1 => sub { '(' . $sub->('numeric') . ')::float8::numeric' },
			($self->{raises} ? 2 : 0) => sub { '1 / (' . $sub->('numeric') . ' - ' . $sub->('numeric') . ')' },
			($self->{raises} ? 2 : 0) => sub { '(' . $sub->('text') . ')::numeric' }, ],
		bigint => [
			6 => sub { $column // '9::bigint' },
			2 => sub { '(' . $sub->('int') . ')::bigint' },
			1 => sub { $sub->('bigint') . ' + 0' },
			($self->{raises} ? 2 : 0) => sub { '(' . $sub->('bigint') . ')::int' },
			1 => sub { 'hashtextextended(' . $sub->('text') . ', 0)' }, ],
		date => [
			6 => sub { $column // $literal{date} },
			2 => sub { $sub->('date') . ' + 0' },
			($self->{raises} ? 2 : 0) => sub { '(' . $sub->('text') . ')::date' },
			($self->{raises} ? 1 : 0) => sub { '(' . $sub->('date') . ')::timestamptz::date' }, ],
		jsonb => [
			5 => sub { my ($c) = $self->any_column($scope, $use); "to_jsonb($c)" },
			4 => sub { my ($c) = $self->any_column($scope, $use); "jsonb_build_object('a', $c)" },
			2 => sub { my ($c) = $self->any_column($scope, $use); "jsonb_build_array($c, " . $sub->('text') . ')' },
			3 => sub { my $r = $self->row($scope, $use); $r ? "to_jsonb($r)" : $sub->('jsonb') },
			2 => sub { $sub->('jsonb') . q( -> 'a') },
			1 => sub { 'jsonb_strip_nulls(' . $sub->('jsonb') . ')' }, ],
		boolean => [
			8 => sub { my $t = pick(@types); $sub->($t) . pick(' = ', ' <> ', ' < ', ' >= ', ' IS DISTINCT FROM ') . $sub->($t) },
			4 => sub { my $t = pick(qw(int numeric text)); $sub->($t) . pick(' > ', ' < ', ' <> ') . $literal{$t} },
			3 => sub { my ($c) = $self->any_column($scope, $use); "($c) IS " . pick('', 'NOT ') . 'NULL' },
			2 => sub { $sub->('text') . pick(' LIKE ', ' ILIKE ', ' NOT LIKE ') . pick(q('c%'), q('%7%'), q('town%')) },
			2 => sub { '(' . $sub->('boolean') . pick(' AND ', ' OR ') . $sub->('boolean') . ')' },
			1 => sub { 'NOT (' . $sub->('boolean') . ')' },
			2 => sub { my $t = pick(qw(text int numeric date)); $sub->($t) . ' IN (' . $literal{$t} . ', ' . $sub->($t) . ')' },
			1 => sub { my $t = pick(qw(text int numeric date)); $sub->($t) . ' BETWEEN ' . $sub->($t) . ' AND ' . $sub->($t) },
			2 => sub { my $t = pick(qw(text int numeric)); $sub->($t) . ' = ' . pick('ANY', 'ALL') . ' (ARRAY[' . $literal{$t} . ', ' . $sub->($t) . '])' },
			3 => sub { $self->exists_clause($scope, $depth) },
			2 => sub { my ($c) = $self->any_column($scope, $use); pick('seen', 'seen_costly') . "($c)" },
			1 => sub { $sub->('text') . ' ~~~ ' . $sub->('text') },
			2 => sub { $sub->('jsonb') . pick(q( @> '{"a": 1}'), q( ? 'a')) },
			1 => sub { my $r = $self->row($scope, $use); $r ? pick("$r IS NOT NULL", "$r = $r", "seen($r)") : 'true' },
			1 => sub { $sub->('text') . q( ~ '^c') }, ]);
	my $made = weighted(@{ $of{$type} })->();

	return $made =~ /^[\w.]+$/ ? $made : "($made)";
}

sub chosen_column
{
	my ($self, $scope, $type, $use) = @_;

	return $self->column($scope, $type, $use) // derived($scope, $type);
}

# (SELECT max(x) FROM ...), of another query's rows
sub subquery_value
{
	my ($self, $scope, $type, $use, $depth) = @_;
	my ($from, $inner) = $self->from($scope, 1, $depth - 1);
	my $value = $self->expr([ @$inner, chance(0.3) ? @$scope : () ], $type, $use, 0);
	my $where = ' WHERE ' . $self->expr($inner, 'boolean', 'filter', 0);

	return "(SELECT $value FROM $from$where ORDER BY " . $self->expr($inner, 'int', 'filter', 0) . ' LIMIT 1)' if $type =~ /^(jsonb|boolean)$/ || chance(0.5);
	return '(SELECT ' . pick('min', 'max') . "($value) FROM $from$where)";
}

sub exists_clause
{
	my ($self, $scope, $depth) = @_;
	my ($from, $inner) = $self->from($scope, 1, $depth - 1);
	my $type = pick(qw(int text bigint));
	my $outer = $self->expr($scope, $type, 'filter', 0);
	my $value = $self->expr($inner, $type, 'filter', 0);

	return weighted(
		3 => "EXISTS (SELECT FROM $from WHERE $outer = $value)", 1 => "NOT EXISTS (SELECT $value FROM $from WHERE $outer = $value)",
		2 => "$outer IN (SELECT $value FROM $from)", 1 => "$outer NOT IN (SELECT $value FROM $from WHERE $value IS NOT NULL)",
		1 => "$outer = ANY (SELECT $value FROM $from)", 1 => "$outer <> ALL (SELECT $value FROM $from)", 1 => "$outer = ANY (ARRAY(SELECT $value FROM $from))");
}

# ---- FROM ----

my $number = 0;
sub name { return $_[0] . ++$number; }

# columns of a relation with alias
sub scope_of
{
	my ($columns, $alias) = @_;
	my $open = !grep { $_->{kind} ne 'open' } @$columns;

	return ((map { { %$_, ref => "$alias.$_->{name}", whole => undef } } @$columns), { type => 'row', kind => $open ? 'open' : 'plain', whole => $alias, name => '' });
}

# one relation: its SQL with alias, and its scope
sub relation
{
	my ($self, $outer, $depth) = @_;
	my $alias = name('t');

	if ($depth > 0 && chance(0.3))
	{
		my ($query, $columns) = $self->query(chance(0.2) ? $outer : [], $depth - 1, 'hand');

		return ((@$outer && chance(0.5) ? 'LATERAL ' : '') . "($query) $alias", scope_of($columns, $alias));
	}
	if (@{ $self->{ctes} } && chance(0.4))
	{
		my $cte = pick(@{ $self->{ctes} });

		return ("$cte->{name} $alias", scope_of($cte->{columns}, $alias));
	}
	if ($depth > 0 && chance(0.06))
	{
		my ($a, $b) = (name('t'), name('t'));
		my ($left, $right) = (pick(qw(person person_view)), pick(qw(purchase visit)));
		my %seen = ((map { $_->{name} => 1 } @{ $columns_of{$left} }));
		my @columns = (@{ $columns_of{$left} }, grep { $_->{name} !~ /^(n|id)$/ } @{ $columns_of{$right} });

		@columns = grep { $_->{name} ne 'id' } @columns;
		return ("($left $a " . pick('JOIN', 'LEFT JOIN', 'FULL JOIN', 'RIGHT JOIN') . " $right $b USING (n)) $alias", scope_of(\@columns, $alias));
	}
	if (chance(0.04))
	{
		return ("(VALUES (1, 'town 1'), (2, 'town 2')) $alias (n, name)", scope_of($columns_of{other}, $alias));
	}
	if (@$outer && chance(0.06))
	{
		my $x = $self->expr([ grep { !$_->{whole} } @$outer ], 'text', 'hand', 1);

		return ("LATERAL (SELECT $x AS f1, length($x) AS f2) $alias", scope_of([ { name => 'f1', type => 'text', kind => 'plain' }, { name => 'f2', type => 'int', kind => 'plain' } ], $alias));
	}
	my $source = pick(@sources);
	$source = pick(qw(person purchase)) if $self->{role}{groups} && chance(0.5);
	my $sample = $source =~ /^(person|purchase|visit)$/ && chance(0.04) && !$self->{role}{groups} ? ' TABLESAMPLE ' . pick('BERNOULLI', 'SYSTEM') . ' (90)' : '';
	my $only = $source =~ /^(person|visit_low)$/ && chance(0.05) ? 'ONLY ' : '';
	return ("$only$source $alias$sample", scope_of($columns_of{$source}, $alias));
}

# from(OUTER, MOST, DEPTH): some of them, joined
sub from
{
	my ($self, $outer, $most, $depth) = @_;
	my ($sql, @scope) = $self->relation($outer, $depth);
	my $n = 1 + int(rand($most));

	$self->{joined} += $n;
	foreach (2 .. $n)
	{
		my @may = chance(0.25) ? (@$outer, @scope) : @$outer;
		my ($next, @more) = $self->relation(\@may, $depth);
		my $lateral = $next =~ /^LATERAL/;
		my @n = grep { $_->{name} && $_->{name} eq 'n' } @scope;
		my @m = grep { $_->{name} && $_->{name} eq 'n' } @more;
		my $on = @n && @m && chance(0.8) ? "$n[-1]{ref} = $m[0]{ref}" : $self->expr([ @scope, @more ], 'boolean', 'filter', 1);
		my $plain = @n && @m && $on eq "$n[-1]{ref} = $m[0]{ref}";

		$on .= ' AND ' . $self->expr([ @scope, @more ], 'boolean', 'filter', 1) if chance(0.3);
		$sql .= weighted(
			6 => sub { " JOIN $next ON $on" }, 4 => sub { " LEFT JOIN $next ON $on" },
			2 => sub { $lateral ? " JOIN $next ON $on" : " RIGHT JOIN $next ON $on" },
			2 => sub { $plain && !$lateral ? " FULL JOIN $next ON $n[-1]{ref} = $m[0]{ref}" : " JOIN $next ON $on" },
			1 => sub { $n == 2 && @n && @m && chance(0.7) ? " JOIN $next USING (n)" : $self->{daring} || $self->{role}{filter} ? " NATURAL JOIN $next" : " JOIN $next ON $on" },
			1 => sub { " CROSS JOIN $next" })->();
		push @scope, @more;
	}
	return ($sql, \@scope);
}

# ---- queries ----

# an aggregate over a scope: SQL and type
sub aggregate
{
	my ($self, $scope, $use) = @_;
	my $filter = chance(0.15) ? ' FILTER (WHERE ' . $self->expr($scope, 'boolean', 'filter', 1) . ')' : '';
	my $e = sub { return $self->expr($scope, $_[0], $_[1], 1); };
	my $order = sub { return chance(0.5) ? ' ORDER BY ' . $self->expr($scope, pick(qw(int text)), 'filter', 0) : ''; };
	my $number = pick(qw(numeric bigint int));
	my $sorted = pick(qw(text numeric date));

	return ('count(*)' . $filter, 'bigint') if chance(0.2);
	return (pick(qw(sum avg stddev)) . '(' . ($self->column($scope, $number, 'aggregate') // '1') . ")$filter", 'numeric') if $self->{role}{aggregate} ? chance(0.6) : chance(0.3);
	return ('count(' . (chance(0.2) ? 'DISTINCT ' : '') . ($self->column($scope, $sorted, 'aggregate') // '1') . ")$filter", 'bigint') if chance(0.3);
	return @{ weighted(
		4 => sub { [ pick('min', 'max') . '(' . $e->($sorted, $use) . ")$filter", $sorted ] },
		2 => sub { [ 'sum(' . $e->($number, 'aggregate') . ")$filter", 'numeric' ] },
		2 => sub { [ "string_agg(" . $e->('text', $use) . ", ','" . $order->() . ")$filter", 'text' ] },
		2 => sub { [ "array_to_string(array_agg(" . $e->(pick(@types), $use) . $order->() . ")$filter, ',')", 'text' ] },
		2 => sub { [ 'jsonb_agg(' . ($self->row($scope, $use) // $e->('text', $use)) . $order->() . ")$filter", 'jsonb' ] },
		1 => sub { [ 'jsonb_object_agg(COALESCE(' . $e->('text', $use) . ", ''), " . $e->('text', $use) . ")$filter", 'jsonb' ] },
		2 => sub { [ 'percentile_disc(0.5) WITHIN GROUP (ORDER BY ' . $e->($sorted, $use) . ")$filter", $sorted ] },
		1 => sub { [ 'mode() WITHIN GROUP (ORDER BY ' . $e->($sorted, $use) . ")$filter", $sorted ] },
		1 => sub { [ 'percentile_cont(0.5) WITHIN GROUP (ORDER BY (' . $e->('numeric', 'aggregate') . ")::float8)$filter\::numeric", 'numeric' ] },
		1 => sub { [ "last_of(" . $e->($sorted, $use) . $order->() . ")$filter", $sorted ] },
		1 => sub { [ pick('bool_and', 'bool_or', 'every') . '(' . $e->('boolean', $use) . ")$filter", 'boolean' ] },
		1 => sub { [ "xmlagg(xmlelement(name x, " . $e->('text', $use) . "))::text", 'text' ] })->() };
}

sub window
{
	my ($self, $scope, $use) = @_;
	my $type = pick(qw(text numeric date int));
	my $value = $self->expr($scope, $type, $use, 1);
	my $over = '(' . (chance(0.5) ? 'PARTITION BY ' . $self->expr($scope, pick(qw(text int)), 'filter', 0) : '') . ' ORDER BY ' . $self->expr($scope, pick(qw(int text)), 'filter', 0) . ')';

	return @{ weighted(
		3 => sub { [ pick(qw(lag lead first_value last_value)) . "($value) OVER $over", $type ] },
		2 => sub { [ pick(qw(row_number rank dense_rank)) . "() OVER $over", 'bigint' ] },
		2 => sub { [ pick('min', 'max') . "($value) OVER $over", $type ] },
		1 => sub { [ "nth_value($value, 2) OVER $over", $type ] },
		1 => sub { [ 'count(*) OVER ' . $over, 'bigint' ] },
		1 => sub { [ "string_agg(" . $self->expr($scope, 'text', $use, 1) . ", ',') OVER $over", 'text' ] })->() };
}

sub limit { return chance($_[0]) ? ' LIMIT ' . pick(1, 5, 40) : ''; }

# query(OUTER, DEPTH, USE): SQL, and its columns: f1, f2 ...
sub query
{
	my ($self, $outer, $depth, $use) = @_;

	if (($self->{role}{groups} && chance($use eq 'hand' ? 0.2 : 0.65)) || ($self->{role}{aggregate} && !$self->{role}{see} && chance(0.2)))
	{
		return $self->groups_query;
	}
	return $self->set_operation($depth, $use) if $depth > 0 && chance(0.08) && !$self->{role}{groups};
	my $before = $self->{joined};
	my ($from, $scope) = $self->from($outer, $depth > 0 ? 3 : 1, $depth);
	my $joined = $self->{joined} - $before;
	my @visible = (@$scope, chance(0.3) ? @$outer : ());
	my $where = chance(0.6) ? ' WHERE ' . $self->expr(\@visible, 'boolean', 'filter', 2) : '';
	my (@targets, @columns, @groups);
	my $tail = '';
	my $grouped = $self->{role}{groups} ? $use ne 'hand' || chance(0.4) : chance($self->{role}{aggregate} && !$self->{role}{see} ? 0.6 : 0.25);
	my $add = sub {
		my ($sql, $type, $touched) = @_;
		my $alias = 'f' . (1 + @targets);

		push @targets, "$sql AS $alias";
		push @columns, { name => $alias, type => $type, kind => $touched ? 'plain' : 'open' };
	};

	if ($grouped)
	{
		foreach (1 .. int(rand(3)))
		{
			my $type = pick(qw(text text int date boolean));

			$self->{touched} = 0;
			my $group = $self->expr($scope, $type, $self->{role}{filter} && chance(0.8) ? 'filter' : 'see', $self->{role}{groups} ? 0 : 1);
			$group = pick(map { $_->{ref} } grep { $_->{name} =~ /^(city|label|place)$/ } @$scope) // $group if $self->{role}{groups} && grep { $_->{name} =~ /^(city|label|place)$/ } @$scope;
			push @groups, $group =~ /^'|^\d|^true$/ ? "($group)" : $group;
			$add->($groups[-1], $type, $self->{touched}) if $self->{role}{see} || !$self->{touched} || chance($self->{daring} ? 0.5 : 0.05);
		}
		@groups = grep { !/^\(?('[^']*'(::\w+)?|\d+(\.\d+)?(::\w+)?|true)\)?$/ } @groups;
		foreach (1 .. 1 + int(rand(2)))
		{
			$self->{touched} = 0;
			my ($sql, $type) = $self->aggregate($scope, $use eq 'hand' ? 'see' : $use);
			$add->($sql, $type, $self->{touched});
		}
		$tail = ' GROUP BY ' . weighted(10 => join(', ', @groups), ($self->{role}{groups} ? 0.2 : 2) => pick('ROLLUP', 'CUBE') . ' (' . join(', ', @groups) . ')', ($self->{role}{groups} ? 0.2 : 1) => 'GROUPING SETS ((' . join(', ', @groups) . '), ())') if @groups;
		$tail .= ' HAVING ' . weighted(2 => sub { 'count(*) > ' . pick(0, 1) }, 1 => sub { my ($x, $t) = $self->aggregate($scope, 'see'); "($x) IS NOT NULL" })->() if chance(0.2);
		# constants in the select list group by nothing
		$tail .= ' ORDER BY ' . pick(1 .. @targets) if chance(0.3);
		$tail .= limit(0.2);
		# an expression must be the very one that is grouped by; a subquery in it would not be
		return $self->query($outer, 0, $use) if $depth > 0 && $tail =~ /SELECT/ && chance(0.5);
		return ('SELECT ' . join(', ', @targets) . " FROM $from$where$tail", \@columns);
	}
	foreach (1 .. 1 + int(rand(4)))
	{
		my $type = pick(@types);

		$self->{touched} = 0;
		if (chance(0.1)) { $add->($self->window(\@visible, $use), $self->{touched}); }
		elsif ($use eq 'hand' && chance(0.6)) { $add->($self->chosen_column(\@visible, $type, 'hand'), $type, $self->{touched}); }
		else { $add->($self->expr(\@visible, $type, $use, 2), $type, $self->{touched}); }
	}
	$tail = ' ORDER BY ' . (chance(0.5) ? pick(1 .. @targets) : $self->expr(\@visible, pick(qw(int text numeric date)), 'filter', 1)) . pick('', ' DESC', ' NULLS FIRST') if chance(0.3);
	$tail .= limit($joined > 2 ? 1 : $joined > 1 ? 0.6 : 0.3);
	my $distinct = '';
	if (chance(0.1) && $tail !~ /ORDER BY/)
	{
		my $on = $self->expr(\@visible, pick(qw(int text)), 'filter', 1);

		$distinct = chance(0.5) ? 'DISTINCT ' : "DISTINCT ON ($on) ";
	}
	if ($use ne 'hand' && chance(0.06) && ($self->{role}{see} || $self->{daring}))
	{
		return ("SELECT * FROM $from$where" . limit(0.9), \@columns);
	}
	# not what DISTINCT or outer joins forbid
	$tail .= pick(' FOR UPDATE', ' FOR SHARE', ' FOR KEY SHARE') if $joined == 1 && !$distinct && $from =~ /^(person|purchase|visit|person_view) / && "@targets" !~ / OVER /&& chance(0.05);
	return ("SELECT $distinct" . join(', ', @targets) . " FROM $from$where$tail", \@columns);
}

# what who is shown groups only may ask
sub groups_query
{
	my ($self) = @_;
	my ($table, $name) = @{ pick([ 'person', 'city' ], [ 'person_view', 'city' ], [ 'person_invoker', 'city' ], [ 'purchase', 'label' ], [ 'purchase_view', 'label' ], [ 'visit', 'place' ]) };
	my @numbers = ('n', $table =~ /person/ && $self->{role}{aggregate} ? qw(income account) : (), $table =~ /purchase/ && $self->{role}{aggregate} ? qw(amount) : ());
	my $filter = chance(0.3) ? ' FILTER (WHERE ' . pick('q.n > 4', "q.$name <> 'town 1'", 'q.n < 2', 'q.n IN (1, 2)') . ')' : '';
	my @more = map { pick('count(*)', 'count(q.' . pick(@numbers) . ')', pick(qw(sum avg stddev)) . '(q.' . pick(@numbers) . ')') . $filter } 1 .. 1 + int(rand(3));
	my @targets = (chance(0.7) ? "q.$name" : (), @more);
	my $grouped = $targets[0] eq "q.$name";
	my $n = 0;
	my $sql = 'SELECT ' . join(', ', map { "$_ AS f" . ++$n } @targets) . " FROM $table q" . (chance(0.2) && $table eq 'purchase' ? ' JOIN person r ON r.id = q.person_id' : '')
	  . (chance(0.4) ? ' WHERE ' . pick('q.n > 3', 'q.n = 7', "q.$name = 'town 2'", 'q.n < 30 AND q.n <> 9') : '') . ($grouped ? " GROUP BY q.$name" : '') . (chance(0.2) ? ' HAVING count(*) > 1' : '') . (chance(0.2) ? ' ORDER BY 1' : '');
	$n = 0;
	return ($sql, [ map { { name => 'f' . ++$n, type => $_ eq "q.$name" ? 'text' : 'numeric', kind => 'open' } } @targets ]);
}

sub set_operation
{
	my ($self, $depth, $use) = @_;
	my @t = map { pick(qw(text int numeric date)) } 1 .. 1 + int(rand(3));
	my $arm = sub {
		my ($from, $scope) = $self->from([], 1, $depth - 1);
		my $n = 0;

		$self->{arm_touched} = 0;
		my $targets = join(', ', map { $self->{touched} = 0; my $x = $self->expr($scope, $_, $use eq 'hand' ? 'see' : $use, 1); $self->{arm_touched} ||= $self->{touched}; "$x AS f" . ++$n } @t);
		return "SELECT $targets FROM $from WHERE " . $self->expr($scope, 'boolean', 'filter', 1);
	};
	my $sql = $arm->();
	my $touched = $self->{arm_touched};

	foreach (1 .. 1 + int(rand(2)))
	{
		$sql .= pick(' UNION ', ' UNION ALL ', ' INTERSECT ', ' EXCEPT ', ' EXCEPT ALL ') . $arm->();
		$touched ||= $self->{arm_touched};
	}
	$sql .= ' ORDER BY ' . pick(1 .. @t) if chance(0.3);
	my $n = 0;
	return ($sql, [ map { { name => 'f' . ++$n, type => $_, kind => $touched ? 'plain' : 'open' } } @t ]);
}

# a query with WITH before it
sub with_query
{
	my ($self, $use) = @_;
	my @ctes;
	my $recursive = '';

	local $self->{ctes} = [];
	foreach (1 .. 1 + int(rand(2)))
	{
		my $name = name('w');

		if (chance(0.15) && !$self->{role}{groups})
		{
			my $type = pick(qw(text numeric));
			my ($from, $scope) = $self->from([], 1, 0);

			$recursive = 'RECURSIVE ';
			$self->{touched} = 0;
			my $x = $self->expr($scope, $type, 'see', 1);
			push @ctes, "$name (f1, f2) AS (SELECT 1, $x FROM $from UNION ALL SELECT f1 + 1, f2 FROM $name WHERE f1 < 3)";
			push @{ $self->{ctes} }, { name => $name, columns => [ { name => 'f1', type => 'int', kind => 'open' }, { name => 'f2', type => $type, kind => $self->{touched} ? 'plain' : 'open' } ] };
			next;
		}
		if (chance(0.2) && !$self->{role}{groups})
		{
			my ($sql, $columns) = $self->modification(1);

			push @ctes, "$name AS ($sql)";
			push @{ $self->{ctes} }, { name => $name, columns => $columns };
			$self->{modifies} = 1;
			next;
		}
		my ($sql, $columns) = $self->query([], 1, 'hand');
		push @ctes, "$name AS " . pick('', 'MATERIALIZED ', 'NOT MATERIALIZED ') . "($sql)";
		push @{ $self->{ctes} }, { name => $name, columns => $columns };
	}
	my ($query) = $self->query([], 1, $use);
	return "WITH $recursive" . join(', ', @ctes) . " $query";
}

sub reading
{
	my ($self) = @_;

	$self->{joined} = 0;
	$self->{modifies} = 0;
	return ($self->groups_query)[0] if $self->{role}{groups} && chance(0.5);
	return $self->with_query('see') if chance(0.25);
	my ($sql) = $self->query([], pick(0, 1, 1, 1, 2), 'see');
	return $sql;
}

# ---- writes ----

# modification(RETURNS): SQL and the columns that it returns
sub modification
{
	my ($self, $returns) = @_;
	my $table = pick(qw(person purchase visit person_view scratch));
	my $columns = $columns_of{$table} // [ { name => 'n', type => 'int', kind => 'open' }, { name => 't', type => 'text', kind => 'open' }, { name => 'x', type => 'numeric', kind => 'open' } ];
	my $alias = name('m');
	my @scope = scope_of($columns, $alias);
	my @open = grep { $_->{kind} eq 'open' && $_->{type} eq 'text' && !$_->{whole} } @scope;
	my @closed = grep { $_->{kind} ne 'open' && !$_->{whole} } @scope;
	my $target = @closed && ($self->{role}{write} ? chance(0.7) : $self->{daring} && chance(0.6)) ? pick(@closed) : $open[0];
	my $set = "$target->{name} = " . weighted(
		4 => sub { $target->{type} eq 'text' ? q('set here') : $literal{ $target->{type} } },
		2 => sub { $self->expr(\@scope, $target->{type}, 'see', 1) },
		1 => sub { "DEFAULT" },
		1 => sub { $self->{raises} ? ($target->{type} =~ /numeric|bigint/ ? '-1' : 'NULL') : $literal{ $target->{type} } })->();
	my $where = ' WHERE ' . (chance(0.6) ? "$alias.n = " . pick(1, 2, 5, 40, 130) : $self->expr(\@scope, 'boolean', 'filter', 1));
	my ($returning, @returned) = ('');

	if ($returns || chance(0.4))
	{
		my @list;

		foreach (1 .. 1 + int(rand(2)))
		{
			my $type = pick(@types);

			$self->{touched} = 0;
			push @list, $self->expr(\@scope, $type, $returns ? 'see' : 'see', 1) . ' AS f' . (1 + @list);
			push @returned, { name => 'f' . @list, type => $type, kind => $self->{touched} ? 'plain' : 'open' };
		}
		$returning = ' RETURNING ' . join(', ', @list);
	}
	my $other = sub { my ($from, $scope) = $self->from([], 1, 0); my ($n) = grep { ($_->{name} // '') eq 'n' } @$scope; return ($from, $scope, $n ? $n->{ref} : '1'); };
	my $sql = weighted(
		5 => sub { "UPDATE $table $alias SET $set$where$returning" },
		2 => sub { my ($from, $scope, $n) = $other->(); push @scope, @$scope; "UPDATE $table $alias SET $set FROM $from$where AND $n = $alias.n$returning" },
		2 => sub { "DELETE FROM " . ($table eq 'person' ? 'visit' : $table) . " $alias WHERE $alias.n = 3$returning" },
		1 => sub { my ($from, $scope, $n) = $other->(); "DELETE FROM $table $alias USING $from$where AND $n = $alias.n$returning" },
		2 => sub {
			return "INSERT INTO scratch AS $alias (n, t, x) VALUES (" . int(rand(9)) . ", 'x', 1) ON CONFLICT (n) DO UPDATE SET t = EXCLUDED.t$returning" if $table eq 'scratch';
			return "INSERT INTO person AS $alias (id, n, name, email, income, account) VALUES (" . pick(3, 40, 900) . ", 1, 'new', 'new', 1, 1)" . pick('', ' ON CONFLICT DO NOTHING', " ON CONFLICT (id) DO UPDATE SET n = $alias.n", " ON CONFLICT (email) DO UPDATE SET n = 0") . $returning if $table eq 'person' || $table eq 'person_view';
			return "INSERT INTO purchase AS $alias (id, person_id, n, memo) VALUES (" . pick(3, 60, 900) . ', ' . pick(3, 40, 999) . ", 1, " . pick(q('abc'), q('long enough')) . ")" . pick('', " ON CONFLICT (id) DO UPDATE SET n = $alias.n + 1") . $returning if $table eq 'purchase';
			return "INSERT INTO visit AS $alias (person_id, n, place, note) VALUES (" . pick(3, 40, 999) . ", " . pick(1, 5000) . ", 'x', 'note')$returning";
		})->();
	# what it returns is told by another alias there
	$sql =~ s/ RETURNING .*// if !$returns && $sql =~ /^DELETE FROM visit/ && $table eq 'person';
	if ($sql =~ /^(DELETE FROM visit|INSERT INTO person )/ && $table =~ /^person/)
	{
		$sql =~ s/ RETURNING .*//;
		if ($returns) { $sql .= " RETURNING $alias.n AS f1"; @returned = ({ name => 'f1', type => 'int', kind => 'open' }); }
	}
	return ($sql, \@returned);
}

sub merge
{
	my ($self) = @_;
	my ($from, $scope) = $self->from([], 1, 0);
	my @n = grep { ($_->{name} // '') eq 'n' } @$scope;
	my $table = pick(qw(purchase visit person scratch));
	my @scope = (@$scope, scope_of($columns_of{$table} // [], 'm'));
	my $text = { purchase => 'label', visit => 'place', person => 'city', scratch => 't' }->{$table};

	return "MERGE INTO $table m USING $from ON m.n = " . ($n[0]{ref} // '1') . (chance(0.3) ? ' AND ' . $self->expr(\@scope, 'boolean', 'filter', 1) : '') . ' WHEN MATCHED' . (chance(0.5) ? ' AND ' . $self->expr(\@scope, 'boolean', 'filter', 1) : '') . ' THEN ' . weighted(3 => sub { "UPDATE SET $text = " . $self->expr(\@scope, 'text', 'see', 1) }, 1 => sub { 'DELETE' }, 1 => sub { 'DO NOTHING' })->() . pick('', ' WHEN NOT MATCHED THEN DO NOTHING');
}

# ---- one column, in one place ----

#
# What else is in a statement is nothing that anybody is refused, so that one place that is not
# looked at is enough.  {c} is a column that is not shown, {s} a call that would print it, {b}
# one that is a condition, {t} its table, {o} another one, {l} a text of the table that is.
#
my @places = (
	'SELECT {c} FROM {t} p', 'SELECT {s} FROM {t} p', 'SELECT p.n FROM {t} p WHERE {b}', 'SELECT p.n FROM {t} p ORDER BY {s}', 'SELECT count(*) FROM {t} p GROUP BY {s}', 'SELECT {s}, count(*) FROM {t} p GROUP BY 1', 'SELECT count(*) FROM {t} p HAVING max({s}) IS NOT NULL', 'SELECT p.{l} FROM {t} p GROUP BY p.{l} HAVING bool_or({b})', 'SELECT p.n FROM {t} p LIMIT (SELECT count({s}) FROM {t} p)',
	'SELECT DISTINCT {c} FROM {t} p', 'SELECT DISTINCT ON ({s}) p.n FROM {t} p', 'SELECT DISTINCT ON (p.n) {c} FROM {t} p', 'SELECT {c}, count(*) FROM {t} p GROUP BY ROLLUP (1)', 'SELECT count(*) FROM {t} p GROUP BY GROUPING SETS (({s}), ())', 'SELECT {c} FROM {t} p FOR UPDATE', 'SELECT {c} FROM {t} p TABLESAMPLE BERNOULLI (100)',
	# aggregates
	'SELECT count(*) FILTER (WHERE {b}) FROM {t} p', 'SELECT p.{l}, sum(p.n) FILTER (WHERE {b}) FROM {t} p GROUP BY 1', 'SELECT max({c}) FROM {t} p', 'SELECT string_agg({c}::text, chr(44)) FROM {t} p', 'SELECT array_agg({c}) FROM {t} p', 'SELECT p.{l}, jsonb_agg({c}) FROM {t} p GROUP BY 1', 'SELECT jsonb_object_agg(p.n, {c}) FROM {t} p', 'SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY {c}::text) FROM {t} p', 'SELECT mode() WITHIN GROUP (ORDER BY {c}::text) FROM {t} p', 'SELECT last_of({c}) FROM {t} p', 'SELECT count({s}) FROM {t} p', 'SELECT count(DISTINCT {s}) FROM {t} p', 'SELECT array_agg(p.n ORDER BY {s}) FROM {t} p', 'SELECT xmlagg(xmlelement(name x, {c})) FROM {t} p',
	# windows
	'SELECT lag({c}) OVER (ORDER BY p.n) FROM {t} p', 'SELECT max({c}::text) OVER () FROM {t} p', 'SELECT rank() OVER (PARTITION BY {s}) FROM {t} p', 'SELECT rank() OVER (ORDER BY {s}) FROM {t} p', 'SELECT count(*) FILTER (WHERE {b}) OVER () FROM {t} p', 'SELECT last_of({c}) OVER (ORDER BY p.n) FROM {t} p',
	# subqueries, and what they compute and nobody asks for
	'SELECT f FROM (SELECT {c} AS f FROM {t} p) q', 'SELECT q.f FROM (SELECT {c} AS f, p.n FROM {t} p OFFSET 0) q', 'SELECT n FROM (SELECT p.n, spy_volatile({c}) FROM {t} p) q', 'SELECT n FROM (SELECT p.n, {s} FROM {t} p OFFSET 0) q', 'SELECT n FROM (SELECT DISTINCT ON (p.n) p.n, {s} FROM {t} p) q', 'SELECT n FROM (SELECT DISTINCT p.n, {s} FROM {t} p) q', 'SELECT n FROM (SELECT p.n, {s} FROM {t} p UNION SELECT 1, NULL) q', 'SELECT n FROM (SELECT p.n, {s} FROM {t} p UNION ALL SELECT 1, NULL) q (n, f)', 'SELECT n FROM (SELECT p.n, array_agg({s}) FROM {t} p GROUP BY p.n) q', 'SELECT n FROM (SELECT p.n, lag({s}) OVER (ORDER BY p.n) FROM {t} p) q', 'SELECT n FROM (SELECT p.n, unnest(ARRAY[{s}]) FROM {t} p) q', 'SELECT n FROM (SELECT p.n, (SELECT {s}) FROM {t} p OFFSET 0) q',
	'SELECT (SELECT {c}) FROM {t} p', 'SELECT (SELECT {c} FROM {t} p WHERE p.n = o.n LIMIT 1) FROM {o} o', 'SELECT ARRAY(SELECT {c} FROM {t} p)', 'SELECT o.n FROM {o} o WHERE EXISTS (SELECT {s} FROM {t} p WHERE p.n = o.n)', 'SELECT o.n FROM {o} o WHERE EXISTS (SELECT FROM {t} p WHERE {b})', 'SELECT o.n FROM {o} o WHERE o.n IN (SELECT length({s}::text) FROM {t} p)', 'SELECT p.n FROM {t} p WHERE {s} IN (SELECT NULL)', 'SELECT p.n FROM {t} p WHERE (SELECT count(*) FROM {o} o WHERE o.n = p.n AND {b}) > 0', 'SELECT p.n FROM {t} p WHERE {s} = ANY (ARRAY[{c}])',
	# joins
	'SELECT o.n FROM {o} o JOIN {t} p ON o.n = p.n AND {b}', 'SELECT o.n FROM {o} o LEFT JOIN {t} p ON o.n = p.n AND {b}', 'SELECT {c} FROM {o} o LEFT JOIN {t} p ON o.n = p.n', 'SELECT {c} FROM {o} o FULL JOIN {t} p USING (n)', 'SELECT j FROM ({o} o RIGHT JOIN {t} p USING (n)) j', 'SELECT j::text FROM ({t} p FULL JOIN {o} o USING (n)) j', 'SELECT to_jsonb(j) FROM ({o} o JOIN {t} p ON o.n = p.n) j (a, b, c, d)', 'SELECT f FROM {t} p, LATERAL (SELECT {c} AS f) q', 'SELECT p.n FROM {t} p, LATERAL (SELECT {s} AS f OFFSET 0) q', 'SELECT f FROM {t} p, LATERAL (VALUES ({c})) q (f)', 'SELECT f FROM {t} p, unnest(ARRAY[{c}]) f', 'SELECT p.n FROM {t} p, generate_series(1, length({s}::text)) f', 'SELECT p.n FROM {t} p CROSS JOIN LATERAL (SELECT o.n FROM {o} o WHERE {b} LIMIT 1) q',
	# WITH
	'WITH w AS (SELECT {c} AS f, p.n FROM {t} p) SELECT f FROM w', 'WITH w AS MATERIALIZED (SELECT {c} AS f, p.n FROM {t} p) SELECT f FROM w', 'WITH w AS MATERIALIZED (SELECT {c} AS f, p.n FROM {t} p) SELECT spy(f) FROM w WHERE n > 2', 'WITH w AS NOT MATERIALIZED (SELECT {c} AS f FROM {t} p), v AS (SELECT f FROM w) SELECT f FROM v', 'WITH w AS MATERIALIZED (SELECT {s} AS f, p.n FROM {t} p) SELECT n FROM w', 'WITH w AS MATERIALIZED (SELECT spy_volatile({c}) AS f, p.n FROM {t} p) SELECT n FROM w', 'WITH RECURSIVE w (f, i) AS (SELECT {c}, 1 FROM {t} p UNION ALL SELECT f, i + 1 FROM w WHERE i < 2) SELECT f FROM w', 'WITH RECURSIVE w (f, i) AS (SELECT {s}, 1 FROM {t} p UNION ALL SELECT f, i + 1 FROM w WHERE i < 2) SELECT i FROM w', 'WITH w AS (SELECT * FROM {t}) SELECT w FROM w', 'WITH w AS (SELECT {c} AS f FROM {t} p) SELECT (SELECT max(f::text) FROM w)', 'WITH w AS (SELECT {c} AS f, p.n FROM {t} p) SELECT n FROM w WHERE seen(f)', 'SELECT (WITH w AS (SELECT {c} AS f) SELECT f FROM w) FROM {t} p',
	'WITH w AS (UPDATE {t} p SET {l} = {l} RETURNING {c} AS f) SELECT f FROM w', 'WITH w AS (UPDATE {t} p SET {l} = {l} RETURNING {s} AS f, p.n) SELECT n FROM w', 'WITH w AS (DELETE FROM visit p WHERE p.n = 3 RETURNING note) SELECT * FROM w',
	# set operations
	'SELECT {c} FROM {t} p UNION SELECT {c} FROM {t} p', 'SELECT {c} FROM {t} p UNION ALL SELECT NULL', 'SELECT {s} FROM {t} p INTERSECT SELECT NULL', 'SELECT {c} FROM {t} p EXCEPT SELECT NULL', 'SELECT f FROM (SELECT {c} AS f FROM {t} p UNION ALL SELECT NULL) q', 'SELECT NULL EXCEPT SELECT {s} FROM {t} p',
	# whole rows
	'SELECT p FROM {t} p', 'SELECT p::text FROM {t} p', 'SELECT to_jsonb(p) FROM {t} p', 'SELECT row_to_json(p) FROM {t} p', 'SELECT jsonb_agg(p) FROM {t} p', 'SELECT (p).* FROM {t} p', 'SELECT ROW(p.*) FROM {t} p', 'SELECT p.n FROM {t} p WHERE seen(p)', 'SELECT p.n FROM {t} p ORDER BY spy(p)', 'SELECT q FROM (SELECT * FROM {t} p) q', 'SELECT q FROM (SELECT * FROM {t} p OFFSET 0) q', 'SELECT q.p FROM (SELECT p FROM {t} p) q', 'SELECT (SELECT p) FROM {t} p', 'SELECT count(spy(p)) FROM {t} p', 'SELECT DISTINCT p::text FROM {t} p', 'SELECT p::text, count(*) FROM {t} p GROUP BY 1', 'SELECT x FROM {t} p, LATERAL (SELECT p) x', 'SELECT jsonb_each(to_jsonb(p)) FROM {t} p', 'SELECT max(p::text) FROM {t} p', 'SELECT lag(p) OVER (ORDER BY p.n) FROM {t} p',
	# expressions
	'SELECT CASE WHEN {b} THEN p.n END FROM {t} p', 'SELECT CASE {s} WHEN NULL THEN 1 ELSE 2 END FROM {t} p', 'SELECT COALESCE({c}, NULL) FROM {t} p', 'SELECT NULLIF({c}, NULL) FROM {t} p', 'SELECT GREATEST({c}::text, chr(33)) FROM {t} p', 'SELECT ARRAY[{c}] FROM {t} p', 'SELECT ROW({c}, 1) FROM {t} p', 'SELECT xmlforest({c} AS f) FROM {t} p', 'SELECT jsonb_build_object(1, {c}) FROM {t} p', 'SELECT ({c}::text)::loud FROM {t} p', 'SELECT p.n FROM {t} p WHERE ({c}::text)::loud IS NOT NULL', 'SELECT {c}::text ~~~ chr(33) FROM {t} p', 'SELECT p.n FROM {t} p WHERE {c}::text ~~~ chr(33)', 'SELECT caught($q$SELECT {c}::text::int FROM {t} p$q$)', 'SELECT caught($q$SELECT p.n FROM {t} p WHERE {c}::text::date IS NULL$q$)', 'SELECT {c} IS NULL OR {b} FROM {t} p', 'SELECT format(chr(37) || chr(115), {c}) FROM {t} p',
	# writes
	'UPDATE {t} p SET {l} = {c}::text RETURNING p.{l}', 'UPDATE {t} p SET {l} = {l} WHERE {b}', 'UPDATE {t} p SET {l} = {l} RETURNING {c}', 'UPDATE {t} p SET {l} = {s}::text', 'UPDATE {o} o SET n = o.n FROM {t} p WHERE o.n = p.n AND {b}', 'DELETE FROM visit p WHERE seen(note)', 'INSERT INTO scratch (n, t) SELECT p.n, {c}::text FROM {t} p', 'INSERT INTO scratch (n) SELECT p.n FROM {t} p ORDER BY {s}', 'MERGE INTO {t} p USING {o} o ON p.n = o.n AND {b} WHEN MATCHED THEN DO NOTHING', 'MERGE INTO {t} p USING {o} o ON p.n = o.n WHEN MATCHED AND {b} THEN DO NOTHING', 'MERGE INTO scratch s USING {t} p ON s.n = p.n WHEN NOT MATCHED THEN INSERT (t) VALUES ({c}::text)', 'INSERT INTO purchase AS p (id, person_id, n, memo) VALUES (3, 3, 1, NULL) ON CONFLICT (id) DO UPDATE SET label = p.label WHERE seen(p.memo)', 'INSERT INTO purchase AS p (id, person_id, n) VALUES (3, 3, 1) ON CONFLICT (id) DO UPDATE SET label = p.amount::text RETURNING label');

sub pointed
{
	my ($self) = @_;
	my ($table, $label) = @{ pick([ 'person', 'city' ], [ 'purchase', 'label' ], [ 'visit', 'place' ]) };
	my $column = pick(grep { $_->{kind} ne 'open' } @{ $columns_of{$table} });
	my $c = "p.$column->{name}" . ($column->{kind} =~ /^(encrypted|searchable)$/ ? "::$column->{type}" : '');
	my $s = pick(qw(spy spy spy_volatile spy_sql spy_costly)) . "($c)";
	my $b = pick(qw(seen seen seen_costly)) . "($c)";
	my $other = pick(qw(visit purchase person other));
	my $sql = pick(@places);

	$sql =~ s/\{c\}/$c/g;
	$sql =~ s/\{s\}/$s/g;
	$sql =~ s/\{b\}/$b/g;
	$sql =~ s/\{o\}/$other/g;
	$sql =~ s/\{l\}/$label/g;
	$table = pick($table, "${table}_view") if $table ne 'visit' && $sql !~ /SAMPLE/ && chance(0.3);
	$sql =~ s/\{t\}/$table/g;
	return $sql;
}

# ---- definitions, mostly for the owner ----

sub definition
{
	my ($self) = @_;
	my $table = pick(qw(person purchase visit));
	my @columns = @{ $columns_of{$table} };
	my @text = grep { $_->{type} eq 'text' && $_->{kind} !~ /^(encrypted|searchable)$/ } @columns;
	my $column = pick(@columns);
	my $text = pick(@text)->{name};
	my $c = $column->{name};
	my $x = $self->expr([ map { { %$_, ref => $_->{name} } } @columns ], pick('text', 'boolean'), 'hand', 1);
	my $b = $self->expr([ map { { %$_, ref => $_->{name} } } @columns ], 'boolean', 'hand', 1);

	return weighted(
		2 => "CREATE INDEX ON $table ($c); SELECT count(*) FROM $table", 2 => "CREATE INDEX ON $table ((spy($c)))", 2 => "CREATE UNIQUE INDEX ON $table ($c, n)", 1 => "CREATE UNIQUE INDEX ON $table ($text)", 1 => "CREATE UNIQUE INDEX ON visit_low (note)",
		2 => "CREATE INDEX ON $table (n) WHERE $b", 2 => "CREATE INDEX ON $table (($x))",
		2 => "ALTER TABLE $table ADD CHECK ($b)", 1 => "ALTER TABLE $table ADD CHECK (seen($c))", 1 => "ALTER TABLE $table ADD CONSTRAINT k CHECK ($b) NOT VALID; ALTER TABLE $table VALIDATE CONSTRAINT k",
		2 => "ALTER TABLE $table ADD UNIQUE ($text)", 1 => "ALTER TABLE $table ADD UNIQUE ($text) DEFERRABLE", 1 => "ALTER TABLE $table ADD EXCLUDE ($text WITH =)", 1 => "ALTER TABLE visit_low ADD EXCLUDE (note WITH =)",
		2 => "CREATE TABLE k (name text PRIMARY KEY); ALTER TABLE $table ADD FOREIGN KEY ($text) REFERENCES k", 1 => "CREATE TABLE k (name text PRIMARY KEY); ALTER TABLE $table ADD CONSTRAINT f FOREIGN KEY ($text) REFERENCES k NOT VALID; ALTER TABLE $table VALIDATE CONSTRAINT f",
		1 => "CREATE TABLE k (b bigint PRIMARY KEY); ALTER TABLE person ADD FOREIGN KEY (account) REFERENCES k", 1 => "CREATE TABLE k (b bigint REFERENCES person (id)); INSERT INTO k VALUES (" . pick(1, 40, 999) . ')',
		2 => "ALTER TABLE $table ALTER $text TYPE int USING $text\::int", 1 => "ALTER TABLE $table ALTER $c TYPE text USING spy($c)::text", 1 => "ALTER TABLE $table ALTER $text TYPE varchar(5)", 1 => "ALTER TABLE $table ALTER $c TYPE loud", 1 => "ALTER TABLE $table ALTER $text TYPE numeric USING $text\::numeric",
		1 => "ALTER TABLE $table ALTER $c SET NOT NULL", 1 => "ALTER TABLE $table ALTER $c SET DEFAULT NULL; SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef", 1 => "ALTER TABLE $table ADD g text GENERATED ALWAYS AS (($x)::text) STORED", 1 => "ALTER TABLE $table ADD y text DEFAULT (SELECT max($text) FROM $table)", 1 => "ALTER TABLE $table ADD y text DEFAULT spy('new')",
		2 => "CREATE STATISTICS st ON n, $c FROM $table; ANALYZE $table; SELECT * FROM pg_stats_ext", 2 => "CREATE STATISTICS st ON ($x), n FROM $table; ANALYZE $table; SELECT * FROM pg_stats_ext_exprs", 2 => "ANALYZE VERBOSE $table; SELECT * FROM pg_stats WHERE tablename = '$table'",
		1 => "CREATE POLICY own ON $table USING ($b); SELECT count(*) FROM $table", 1 => "CREATE POLICY own ON $table AS RESTRICTIVE USING (seen($c)); SELECT count(*) FROM $table", 1 => "CREATE POLICY own ON $table FOR UPDATE WITH CHECK (seen($c)); UPDATE $table SET n = n WHERE n = 3",
		1 => "CREATE RULE r AS ON UPDATE TO $table DO ALSO SELECT OLD.$c, NEW.$c; UPDATE $table SET n = n WHERE n = 3", 1 => "CREATE RULE r AS ON INSERT TO scratch DO ALSO SELECT $c FROM $table; INSERT INTO scratch VALUES (1)", 1 => "CREATE RULE r AS ON DELETE TO scratch DO INSTEAD SELECT spy($c) FROM $table; DELETE FROM scratch",
		2 => "CREATE TRIGGER tr BEFORE UPDATE ON $table FOR EACH ROW EXECUTE FUNCTION tell_row(); UPDATE $table SET n = n WHERE n = 3", 1 => "CREATE TRIGGER tr AFTER DELETE ON $table FOR EACH ROW EXECUTE FUNCTION tell_row(); DELETE FROM $table WHERE n = 3", 1 => "CREATE TRIGGER tr AFTER UPDATE ON $table REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION tell_table(); UPDATE $table SET n = n WHERE n < 3", 1 => "CREATE TRIGGER tr BEFORE UPDATE ON $table FOR EACH ROW WHEN (seen(OLD.$c)) EXECUTE FUNCTION tell_row(); UPDATE $table SET n = n WHERE n = 3", 2 => "CREATE TRIGGER tr BEFORE INSERT ON scratch FOR EACH ROW EXECUTE FUNCTION tell_other(); INSERT INTO scratch VALUES (77, 'x')",
		1 => "CREATE TABLE visit_top PARTITION OF visit DEFAULT; CREATE TABLE k PARTITION OF visit FOR VALUES FROM (2000) TO (3000)", 1 => "ALTER TABLE visit DETACH PARTITION visit_low; SELECT * FROM visit_low", 1 => "CREATE TABLE k (LIKE $table INCLUDING ALL); INSERT INTO k SELECT * FROM $table; SELECT * FROM k",
		1 => "CREATE TABLE k () INHERITS (person); SELECT count(*) FROM k", 1 => "ALTER TABLE $table RENAME $c TO renamed; SELECT renamed FROM $table", 1 => "ALTER TABLE $table RENAME TO renamed; SELECT * FROM renamed", 1 => "ALTER TABLE $table DISABLE ROW LEVEL SECURITY; SELECT * FROM $table", 1 => "ALTER TABLE $table NO FORCE ROW LEVEL SECURITY; SELECT * FROM $table", 1 => "ALTER TABLE $table DROP COLUMN $c", 1 => "CLUSTER $table USING person_pkey", 1 => "REINDEX TABLE person", 1 => "SECURITY LABEL FOR privseg ON COLUMN $table.$text IS NULL; SELECT $text FROM $table", 1 => "SELECT privseg.classify('$table', '$text', 'bird.a', 'value'); SELECT * FROM $table", 1 => "SELECT privseg.unprotect('$table')", 1 => "SELECT privseg.decrypt_column('person', 'secret')",
		1 => "LOCK $table; SELECT count(*) FROM $table", 1 => "CREATE MATERIALIZED VIEW made AS SELECT $c FROM $table; SELECT * FROM made", 1 => "CREATE TABLE made AS SELECT * FROM $table; SELECT * FROM made", 1 => "CREATE PUBLICATION pub FOR TABLE $table", 1 => "CREATE FUNCTION made(p $table) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', p; RETURN p.$c; END'; SELECT made(p) FROM $table p LIMIT 2",
		1 => "CREATE OPERATOR CLASS k FOR TYPE text USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 bttextcmp(text, text); CREATE INDEX ON $table ($text k)");
}

# ---- what the server keeps ----

my @metadata = (
	'SELECT * FROM pg_stats WHERE schemaname = current_schema()', 'SELECT tablename, attname, most_common_vals, histogram_bounds FROM pg_stats WHERE tablename IN (SELECT relname FROM pg_class)', 'SELECT * FROM pg_stats_ext', 'SELECT * FROM pg_stats_ext_exprs', 'SELECT * FROM pg_stat_activity', 'SELECT * FROM pg_prepared_statements', 'SELECT * FROM pg_cursors',
	'SELECT * FROM information_schema.columns WHERE table_schema = current_schema()', 'SELECT * FROM information_schema.views WHERE table_schema = current_schema()', 'SELECT * FROM information_schema.check_constraints', q(SELECT pg_get_viewdef('person_view'), pg_get_viewdef('person_super', true)), q(SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'person'::regclass),
	q(SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'person'::regclass), 'SELECT * FROM pg_seclabels', 'SELECT * FROM privseg.protected_column', 'SELECT * FROM privseg.protected_relation', 'SELECT * FROM privseg.consent_status', 'SELECT * FROM privseg.clearance', 'SELECT * FROM privseg.key_status', 'SELECT relname, reltuples, relpages FROM pg_class', 'SELECT * FROM pg_stat_user_tables', 'SELECT * FROM pg_stat_user_indexes', 'SELECT * FROM pg_statio_user_tables',
	'SELECT attrelid::regclass, attname, attmissingval FROM pg_attribute WHERE attrelid >= 16384', 'SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef', 'SELECT * FROM pg_rules', 'SELECT * FROM pg_policies', 'SELECT * FROM pg_proc WHERE oid >= 16384', 'SELECT * FROM pg_locks', 'SELECT * FROM pg_settings', 'SELECT * FROM pg_statistic', 'SELECT * FROM pg_statistic_ext_data', q(SELECT pg_relation_size('person')), q(SELECT table_to_xml('person', true, false, '')), q(SELECT schema_to_xml(current_schema(), true, false, '')), q(SELECT table_to_xmlschema('person', true, false, '')), q(SELECT database_to_xml(true, false, '')), q(SELECT * FROM ts_stat('SELECT to_tsvector(city) FROM person')), 'SELECT * FROM pg_largeobject', q(SELECT pg_read_file('pg_hba.conf')), 'SELECT privseg.check()', q(SELECT privseg.consent_receipt('person', 40::bigint)), q(SELECT * FROM privseg.explain_decision('person', 40::bigint, 'watching')), 'SELECT * FROM privseg.consent_record', 'SELECT * FROM privseg.purpose');

my @ways = ('', '', '', '', '', '', 'SET LOCAL enable_seqscan = off;', 'SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off;', 'SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;', 'SET LOCAL enable_hashjoin = off; SET LOCAL enable_nestloop = off;', 'SET LOCAL enable_hashagg = off; SET LOCAL enable_memoize = off;', 'SET LOCAL enable_sort = off; SET LOCAL enable_material = off;', 'SET LOCAL from_collapse_limit = 1; SET LOCAL join_collapse_limit = 1;', 'SET LOCAL force_parallel_mode = on;', 'SET LOCAL debug_print_plan = on; SET LOCAL client_min_messages = log;', 'SET LOCAL row_security = off;', 'SET LOCAL bytea_output = escape; SET LOCAL client_min_messages = debug1;', 'SET LOCAL DateStyle = German;');

my $quoted = sub { my ($sql) = @_; return "\$q\$$sql\$q\$"; };

# a statement, or some, in a transaction that is rolled back
sub statement
{
	my ($self, $role) = @_;

	$self->{role} = $roles{$role};
	$self->{daring} = chance(0.25);
	$self->{raises} = chance(0.15);
	$self->{ctes} = [];
	my $way = pick(@ways);
	$way = '' if $way =~ /DateStyle|row_security|debug_print/ && chance(0.6);
	# who bypasses all sees all that way
	$way = '' if $way =~ /row_security/ && $self->{role}{bypasses};
	my $owns = $self->{role}{owns} || 0;
	my $sql = weighted(
		50 => sub { $self->reading },
		22 => sub { $self->pointed },
		6 => sub { 'EXPLAIN (' . pick('ANALYZE', 'VERBOSE', 'ANALYZE, VERBOSE', 'ANALYZE, BUFFERS, SETTINGS', 'COSTS OFF') . ', FORMAT ' . pick(qw(TEXT TEXT JSON XML YAML)) . ') ' . $self->reading },
		5 => sub { 'COPY (' . $self->reading . ') TO STDOUT' . pick('', ' (FORMAT csv)', ' (FORMAT csv, HEADER, FORCE_QUOTE *)') },
		($self->{daring} ? 2 : 0.2) => sub { 'COPY ' . pick('person', 'purchase', 'person (id, n, city)', 'purchase (n, label)', 'visit_low', 'person (name)') . ' TO STDOUT' . pick('', ' (FORMAT csv)') },
		6 => sub { my $q = $self->reading; my $name = name('p'); pick('SET LOCAL plan_cache_mode = force_generic_plan;', 'SET LOCAL plan_cache_mode = force_custom_plan;', '') . " PREPARE $name (int, text) AS $q; EXECUTE $name (1, 'town 1'); EXECUTE $name (2, NULL)" . pick('', '; SELECT * FROM pg_prepared_statements', "; EXPLAIN (ANALYZE, VERBOSE) EXECUTE $name (1, 'x')") . "; DEALLOCATE $name" },
		5 => sub { my $name = name('c'); my $q = $self->reading; $q = 'SELECT 1' if $self->{modifies}; "DECLARE $name " . pick('', 'SCROLL ', 'NO SCROLL ', 'BINARY ') . "CURSOR " . "FOR $q; FETCH 20 FROM $name; SELECT * FROM pg_cursors; CLOSE $name" },
		4 => sub { my $q = $self->reading; $q = 'SELECT 1' if $self->{modifies}; "DO \$do\$ DECLARE r record; BEGIN FOR r IN $q LOOP RAISE NOTICE '%', r; END LOOP; END \$do\$" },
		12 => sub { my $q = $self->reading; 'SELECT ' . pick('caught', 'caught', 'asked', 'by_cursor') . '(' . $quoted->($q) . ')' },
		4 => sub { $self->{raises} = 1; my $q = $self->reading; 'SELECT caught(' . $quoted->($q) . ')' },
		2 => sub { my ($q) = $self->modification(0); 'SELECT caught(' . $quoted->($q) . ')' },
		2 => sub { 'SELECT caught(' . $quoted->($self->definition) . ')' },
		3 => sub { my ($q) = $self->query([], 1, 'hand'); my ($from, $scope) = ('made v', [ map { { %$_, ref => "v.$_->{name}" } } @{ $self->{last} // [] } ]); "CREATE TEMP VIEW made AS $q; SELECT " . ($self->{role}{see} || $self->{daring} ? '*' : 'count(*)') . " FROM made; SELECT pg_get_viewdef('made')" },
		2 => sub { my $q = $self->reading; $q = 'SELECT 1' if $self->{modifies}; "CREATE TEMP TABLE made AS SELECT * FROM ($q) q; SELECT * FROM made; ANALYZE made; SELECT * FROM pg_stats WHERE tablename = 'made'" },
		2 => sub { my ($from, $scope) = $self->from([], 1, 1); my $x = $self->expr($scope, 'text', 'see', 1); my $d = $self->expr($scope, 'date', 'see', 0); "CREATE TEMP TABLE made (t text, d date); INSERT INTO made SELECT $x, $d FROM $from; SELECT * FROM made" },
		2 => sub { my ($from, $scope) = $self->from([], 1, 1); my $x = $self->expr($scope, 'text', 'see', 1); "INSERT INTO scratch (t) SELECT $x FROM $from; SELECT * FROM scratch" },
		2 => sub { 'SELECT * FROM ' . pick(qw(definer_owner definer_super)) . '(' . $quoted->(do { my $q = $self->reading; $self->{modifies} ? 'SELECT 1' : $q }) . ')' },
		2 => sub { my ($q) = $self->query([], 0, 'see'); "SELECT query_to_xml(" . $quoted->($q) . ", true, false, '')" },
		7 => sub { my ($q) = $self->modification(0); $q },
		2 => sub { $self->merge },
		($owns ? 16 : 0.7) => sub { $self->definition },
		7 => sub { pick(@metadata) })->();

	return "$way $sql";
}

# What the statements call, made by a superuser, in the schema of the tables.
sub functions
{
	my $executes = <<'SQL';
DECLARE r record; result text := '';
BEGIN
	FOR r IN EXECUTE query LOOP result := result || r::text || E'\n'; END LOOP;
	RETURN result;
SQL

	return <<"SQL";
CREATE FUNCTION spy(anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS \$\$ BEGIN RAISE NOTICE 'spy: %', \$1; RETURN \$1; END \$\$;
CREATE FUNCTION spy_volatile(anyelement) RETURNS anyelement LANGUAGE plpgsql VOLATILE COST 0.0000001 AS \$\$ BEGIN RAISE NOTICE 'spy: %', \$1; RETURN \$1; END \$\$;
CREATE FUNCTION spy_sql(anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT spy(\$1)';
CREATE FUNCTION spy_costly(anyelement) RETURNS anyelement LANGUAGE plpgsql STABLE COST 100000 AS \$\$ BEGIN RAISE WARNING 'spy: %', \$1 USING DETAIL = 'of ' || \$1, HINT = 'or ' || \$1; RETURN \$1; END \$\$;
CREATE FUNCTION seen(anyelement) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS \$\$ BEGIN RAISE NOTICE 'seen: %', \$1; RETURN \$1 IS NOT NULL; END \$\$;
CREATE FUNCTION seen_costly(anyelement) RETURNS boolean LANGUAGE plpgsql STABLE COST 100000 AS \$\$ BEGIN RAISE NOTICE 'seen: %', \$1; RETURN \$1 IS NOT NULL; END \$\$;
CREATE FUNCTION seen_both(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS \$\$ BEGIN RAISE NOTICE 'seen: % %', \$1, \$2; RETURN \$1 = \$2; END \$\$;
CREATE OPERATOR ~~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = seen_both);
CREATE DOMAIN loud AS text CHECK (seen(VALUE) OR VALUE IS NULL);
CREATE FUNCTION keep_last(anyelement, anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT \$2';
CREATE AGGREGATE last_of(anyelement) (SFUNC = keep_last, STYPE = anyelement);
CREATE FUNCTION caught(query text) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE detail text; hint text; context text;
BEGIN
	RETURN asked(query);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
	RETURN concat_ws(' | ', 'caught', SQLSTATE, SQLERRM, detail, hint, context);
END \$\$;
CREATE FUNCTION asked(query text) RETURNS text LANGUAGE plpgsql AS \$\$
$executes
EXCEPTION WHEN syntax_error OR duplicate_cursor OR invalid_cursor_definition THEN
	EXECUTE query;
	RETURN 'done';
END \$\$;
CREATE FUNCTION by_cursor(query text) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE c refcursor; r record; result text := '';
BEGIN
	OPEN c SCROLL FOR EXECUTE query;
	LOOP FETCH c INTO r; EXIT WHEN NOT FOUND; result := result || r::text; END LOOP;
	CLOSE c;
	RETURN result;
END \$\$;
CREATE FUNCTION definer_super(query text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = birds, pg_catalog AS \$\$
$executes
END \$\$;
CREATE FUNCTION tell_row() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RAISE NOTICE '% %', OLD, NEW; RETURN COALESCE(NEW, OLD); END \$\$;
CREATE FUNCTION tell_table() RETURNS trigger LANGUAGE plpgsql AS \$\$ DECLARE r record; BEGIN FOR r IN SELECT * FROM o LOOP RAISE NOTICE '%', r; END LOOP; RETURN NULL; END \$\$;
CREATE FUNCTION tell_other() RETURNS trigger LANGUAGE plpgsql AS \$\$ DECLARE r record; BEGIN FOR r IN SELECT * FROM person LOOP RAISE NOTICE '%', r; END LOOP; RETURN NEW; END \$\$;
CREATE VIEW person_super AS SELECT * FROM person;
SQL
}

# And what the owner makes.
sub owned
{
	return <<'SQL';
CREATE VIEW person_view AS SELECT * FROM person;
CREATE VIEW person_invoker WITH (security_invoker) AS SELECT * FROM person;
CREATE VIEW person_barrier WITH (security_barrier) AS SELECT * FROM person WHERE n IS NOT NULL;
CREATE VIEW purchase_view AS SELECT * FROM purchase;
CREATE FUNCTION person_function() RETURNS SETOF person LANGUAGE sql STABLE AS 'SELECT * FROM person';
CREATE FUNCTION person_plpgsql() RETURNS SETOF person LANGUAGE plpgsql STABLE AS 'BEGIN RETURN QUERY SELECT * FROM person; END';
CREATE FUNCTION purchase_function() RETURNS SETOF purchase LANGUAGE sql STABLE AS 'SELECT * FROM purchase';
CREATE FUNCTION definer_owner(query text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = birds, pg_catalog AS $$
DECLARE r record; result text := '';
BEGIN
	FOR r IN EXECUTE query LOOP result := result || r::text || E'\n'; END LOOP;
	RETURN result;
END $$;
SQL
}

1;
