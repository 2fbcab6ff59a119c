# Subversion keeps its working copies, and a repository's shared representations, in SQLite.
set -eu
export HOME="$PWD" LC_ALL=C
svnadmin create repo
url="file://$PWD/repo"
svn -q mkdir -m layout "$url/trunk" "$url/branches"
svn -q checkout "$url/trunk" work
cd work
printf 'one\ntwo\n' >a.txt
mkdir dir
echo deep >dir/b.txt
svn add a.txt dir
svn -q commit -m first
echo three >>a.txt
svn rename dir/b.txt dir/c.txt
svn propset color blue a.txt
svn status
svn diff | sed -n '/^@@/,$p'
svn -q commit -m second
svn update -r 2
svn info --show-item revision
cat a.txt
svn -q update
svn -q copy -m branch "$url/trunk" "$url/branches/b"
svn -q switch --ignore-ancestry "$url/branches/b"
echo four >>a.txt
svn -q commit -m 'on the branch'
svn -q switch "$url/trunk"
svn merge "$url/branches/b" | grep -v '^---'
svn revert -R -q .
svn status
svn cleanup
svn list -R "$url"
svnadmin -q verify ../repo && echo verified
