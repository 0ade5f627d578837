# What the scripts of Perl's clients share: how they compare, which values they store, and that all of them come back.
package Support;
use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(check value_of check_all);

sub check {
    my ($what, $got, $wanted) = @_;
    $got = defined $got ? $got : '(undef)';
    die "$what: got $got, wanted $wanted\n" unless $got eq $wanted;
}

sub value_of {
    my ($i) = @_;
    return ("text $i", "\0\xff\r\n" x ($i % 50), $i, 'z' x 3000)[$i % 4];
}

# Reads every key, one at a time and a hundred at once.
sub check_all {
    my ($client, @keys) = @_;
    check($keys[$_], $client->get($keys[$_]), value_of($_)) for 0 .. $#keys;
    for (my $start = 0; $start < @keys; $start += 100) {
        my $last = $start + 99 < $#keys ? $start + 99 : $#keys;
        my $found = $client->get_multi(@keys[$start .. $last]);
        check('get_multi', scalar(keys %$found), $last - $start + 1);
        check($keys[$_], $found->{ $keys[$_] }, value_of($_)) for $start .. $last;
    }
}

1;
