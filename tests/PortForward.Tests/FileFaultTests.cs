namespace PortForward.Tests;

public sealed class FileFaultTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<Exception, string> Faults => new()
    {
        { new UnauthorizedAccessException("Access to the path '/x/f.tmp' is denied."), "permission denied" },
        { new PathTooLongException("The path '/x' is too long, or a component of the specified path is too long."), "the path is too long" },
        { new IOException("No space left on device : '/x/f.tmp'"), "No space left on device" },
        { new IOException("Some\nthing else."), "Some thing else" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_fault_is_told_without_the_path(Exception fault, string told)
    {
        FileFault.WhyUnreadable(_folder["f"], fault).Should().Be(told);
        FileFault.WhyUnwritable(_folder["f"], fault).Should().Be(told);
    }

    [Fact]
    public void What_is_not_there_is_the_file_where_it_is_read_and_its_folder_where_it_is_written()
    {
        FileFault.WhyUnreadable(_folder["f"], new FileNotFoundException()).Should().Be("it does not exist");
        FileFault.WhyUnreadable(_folder["none/f"], new DirectoryNotFoundException()).Should().Be("it does not exist");
        FileFault.WhyUnwritable(_folder["none/f"], new DirectoryNotFoundException()).Should().Be($"there is no folder {_folder["none"]} (create it first)");
    }

    [Fact]
    public void A_folder_in_place_of_a_file_and_a_file_in_place_of_a_folder_are_told_apart()
    {
        _folder.Write("file", "");

        FileFault.WhyUnreadable(_folder.Path, new UnauthorizedAccessException()).Should().Be("it is a folder");
        FileFault.WhyUnwritable(_folder.Path, new UnauthorizedAccessException()).Should().Be("it is a folder");
        FileFault.WhyUnwritable(_folder["file/f"], new IOException("Not a directory : '/x'")).Should().Be($"{_folder["file"]} is no folder");
    }
}
